// State: what the controller knows, one record per endpoint; it is the fold of the journal and nothing else.
// Terms: lane bound = the plan names a version for it; served = some plan gave the candidate a share;
//        draining = a lane that gets no new records still holds old ones; kept = bound and warm after promotion.
// Invariant: JSON in and out without loss, so that a snapshot event can carry it. At most one rollout is under way.

import { z } from 'zod';
import { endpointSchema } from '../../../shared/domain/endpoint.ts';
import type { ConsumedTopic, RolloutPhase } from '../../../shared/domain/event.ts';
import { weightBpSchema } from '../../../shared/domain/rollout.ts';
import { LANES, type Lane, modelRefSchema, otherLane, routePlanSchema } from '../../../shared/domain/route-plan.ts';
import { planShadowSchema } from '../../../shared/domain/shadow.ts';
import { signatureSchema } from '../../../shared/domain/tensor.ts';

/** Idempotency keys remembered per endpoint; an older command that comes again is decided again. */
export const KEYS_SEEN_MAX = 256;

const lane = z.enum(LANES);

/** What every rollout keeps from acceptance on. */
const core = {
  id: z.string(),
  /** The accepted rollout as JSON text. */
  spec: z.string(),
  candidate: modelRefSchema,
  /** Lane of the candidate. */
  lane,
  signature: signatureSchema,
  acceptedAtMs: z.int().min(0),
  /** What scores copies until the rollout has ended. */
  shadows: z.array(planShadowSchema).readonly().default([]),
};
/** The lane that must run empty, and the first plan that routes nothing there (null until it is published). */
const draining = { draining: lane, stopRevision: z.int().min(1).nullable() };
const keeps = { keepsIncumbent: z.boolean() };

const rolloutStateSchema = z.discriminatedUnion('phase', [
  z.strictObject({ phase: z.literal('none') }),
  z.strictObject({ ...core, phase: z.literal('loading') }),
  /** Loaded and warm, never served. */
  z.strictObject({ ...core, phase: z.literal('ready') }),
  /** Served at least once; the weight may be 0 by now. */
  z.strictObject({ ...core, phase: z.literal('serving'), weightBp: weightBpSchema }),
  z.strictObject({ ...core, ...draining, ...keeps, phase: z.literal('promoted-draining') }),
  z.strictObject({ ...core, ...draining, phase: z.literal('aborted-draining') }),
  z.strictObject({ ...core, ...keeps, phase: z.literal('promoted') }),
  z.strictObject({ ...core, phase: z.literal('aborted') }),
  z.strictObject({ ...core, phase: z.literal('failed') }),
]);
export type RolloutState = Readonly<z.infer<typeof rolloutStateSchema>>;

/** Counters that outlive the endpoint's removal: revisions never fall, rollout ids never come twice. */
const counters = { seq: z.int().min(0), revision: z.int().min(0), rollouts: z.int().min(0) };

export const endpointStateSchema = z.discriminatedUnion('kind', [
  z.strictObject({ ...counters, kind: z.literal('removed') }),
  z.strictObject({
    ...counters,
    kind: z.literal('defined'),
    settings: endpointSchema,
    /** From the settings, else adopted from the first promoted version. */
    signature: signatureSchema.nullable(),
    lanes: z.strictObject({ blue: modelRefSchema.nullable(), green: modelRefSchema.nullable() }),
    incumbent: lane.nullable(),
    revoked: z.array(modelRefSchema).max(1).readonly(),
    /** The plan in force. */
    plan: routePlanSchema.nullable(),
    rollout: rolloutStateSchema,
    /** Oldest first. */
    keysSeen: z.array(z.string()).max(KEYS_SEEN_MAX).readonly(),
  }),
]);
export type EndpointState = Readonly<z.infer<typeof endpointStateSchema>>;
export type DefinedEndpoint = Extract<EndpointState, { kind: 'defined' }>;

const position = z.int().min(0);
/** Next offset to read of each consumed control topic. */
export const positionsSchema = z.strictObject({ endpoints: position, rollouts: position, commands: position });
export type Positions = Readonly<z.infer<typeof positionsSchema>>;

/** The whole controller: every endpoint that ever was, and where it stands in its inputs. */
export interface ControllerState {
  readonly endpoints: ReadonlyMap<string, EndpointState>;
  readonly consumed: Positions;
  /** Events since the last snapshot. */
  readonly sinceSnapshot: number;
}

export const emptyState: ControllerState = {
  endpoints: new Map(),
  consumed: { endpoints: 0, rollouts: 0, commands: 0 },
  sinceSnapshot: 0,
};

/** The endpoint while it is defined, else null. */
export function definedEndpoint(state: ControllerState, endpoint: string): DefinedEndpoint | null {
  const found = state.endpoints.get(endpoint);
  return found?.kind === 'defined' ? found : null;
}

/** Phase of the endpoint's newest rollout; `none` for an endpoint that is not there. */
export function phaseOf(state: ControllerState, endpoint: string): RolloutPhase {
  return definedEndpoint(state, endpoint)?.rollout.phase ?? 'none';
}

/** Id of the endpoint's newest rollout, or empty. */
export function rolloutIdOf(state: ControllerState, endpoint: string): string {
  const rollout = definedEndpoint(state, endpoint)?.rollout;
  return rollout === undefined || rollout.phase === 'none' ? '' : rollout.id;
}

/** Whether `record` at this place was decided before: its outcome is in the journal. */
export function alreadyConsumed(state: ControllerState, topic: ConsumedTopic, offset: number): boolean {
  return offset < state.consumed[topic];
}

/** The lane that a new candidate takes. */
export function freeLane(endpoint: DefinedEndpoint): Lane {
  return endpoint.incumbent === null ? 'blue' : otherLane(endpoint.incumbent);
}

/** Positions with `consumed` taken into account. */
export function advance(positions: Positions, topic: ConsumedTopic, offset: number): Positions {
  return { ...positions, [topic]: Math.max(positions[topic], offset + 1) };
}

/** A lane that must run empty, and the first plan that routes nothing there. */
export interface Draining {
  readonly endpoint: string;
  readonly partitions: number;
  readonly lane: Lane;
  readonly revision: number;
}

/** Every lane that drains now. */
export function drainingLanes(state: ControllerState): Draining[] {
  return [...state.endpoints].flatMap(([endpoint, known]) => {
    if (known.kind === 'removed') return [];
    const { rollout, settings } = known;
    if (rollout.phase !== 'promoted-draining' && rollout.phase !== 'aborted-draining') return [];
    if (rollout.stopRevision === null) return [];
    const { partitions } = settings;
    return [{ endpoint, partitions, lane: rollout.draining, revision: rollout.stopRevision }];
  });
}

/** Whether worker reports can change anything: a candidate is loading, or is loaded and was never served. */
export function awaitsWorkers(state: ControllerState, endpoint: string): boolean {
  const phase = phaseOf(state, endpoint);
  return phase === 'loading' || phase === 'ready';
}
