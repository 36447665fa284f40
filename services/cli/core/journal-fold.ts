// JournalFold: what the journal says of each endpoint's rollout, as far as people are shown it.
// Flow: events of millrace.events from the newest snapshot on → [foldJournal] → status.
// Why not the controller's own fold: services do not import one another, and status needs a handful of its fields. Events say
//       phase and rollout of themselves; only what an older event said (strategy, candidate) is taken from a snapshot.

import { z } from 'zod';
import { type Endpoint, endpointSchema } from '../../../shared/domain/endpoint.ts';
import { ROLLOUT_PHASES, type RolloutEvent, type RolloutPhase } from '../../../shared/domain/event.ts';
import { LANES, type Lane, type ModelRef, modelRefSchema } from '../../../shared/domain/route-plan.ts';

export interface EndpointFacts {
  readonly endpoint: string;
  readonly settings: Endpoint;
  readonly phase: RolloutPhase;
  /** Newest rollout that was accepted; null when there never was one. */
  readonly rollout: RolloutFacts | null;
  /** Newest event that is no snapshot. */
  readonly last: Pick<RolloutEvent, 'type' | 'atMs' | 'code' | 'message'> | null;
}

export interface RolloutFacts {
  readonly id: string;
  readonly strategy: string;
  readonly candidate: ModelRef;
  /** Lane of the candidate. */
  readonly lane: Lane;
}

/** What is read of an endpoint's part of a snapshot. Other fields are the controller's business. */
const snapshotSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('removed') }),
  z.object({
    kind: z.literal('defined'),
    settings: endpointSchema,
    rollout: z.union([
      z.object({ phase: z.literal('none') }),
      z.object({
        phase: z.enum(ROLLOUT_PHASES),
        id: z.string(),
        spec: z.string(),
        candidate: modelRefSchema,
        lane: z.enum(LANES),
      }),
    ]),
  }),
]);

/** Whether `event` begins a snapshot: nothing before it matters. */
export function beginsSnapshot(event: RolloutEvent): boolean {
  return event.type === 'snapshot' && event.endpoint === '';
}

/** Facts of every endpoint that is defined after `events`, by name. */
export function foldJournal(events: readonly RolloutEvent[]): Map<string, EndpointFacts> {
  const facts = new Map<string, EndpointFacts>();
  for (const event of events) {
    const after = foldEvent(facts.get(event.endpoint) ?? null, event);
    if (after === null) facts.delete(event.endpoint);
    else facts.set(event.endpoint, after);
  }
  return new Map([...facts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function foldEvent(before: EndpointFacts | null, event: RolloutEvent): EndpointFacts | null {
  if (event.type === 'snapshot') return event.endpoint === '' ? before : restore(event);
  if (event.type === 'endpoint-removed') return null;
  const { type, atMs, code, message } = event;
  const last = { type, atMs, code, message };
  if (event.type === 'endpoint-defined') {
    const { endpoint, settings, phase } = event;
    return { endpoint, settings, phase, rollout: before?.rollout ?? null, last };
  }
  if (before === null) return null;
  if (event.type !== 'rollout-accepted') return { ...before, phase: event.phase, last };
  const { rollout: id, candidate, lane, phase } = event;
  return { ...before, phase, last, rollout: { id, candidate, lane, strategy: strategyOf(event.spec) } };
}

function restore({ endpoint, snapshot }: Extract<RolloutEvent, { type: 'snapshot' }>): EndpointFacts | null {
  const state = snapshotSchema.parse(JSON.parse(snapshot));
  if (state.kind === 'removed') return null;
  const { settings, rollout } = state;
  if (!('id' in rollout)) return { endpoint, settings, phase: rollout.phase, rollout: null, last: null };
  const { id, candidate, lane, phase } = rollout;
  const facts = { id, candidate, lane, strategy: strategyOf(rollout.spec) };
  return { endpoint, settings, phase, rollout: facts, last: null };
}

/** Name of the strategy in an accepted rollout. */
export function strategyOf(spec: string): string {
  return z.object({ strategy: z.string() }).parse(JSON.parse(spec)).strategy;
}
