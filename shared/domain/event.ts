// RolloutEvent: one line of the controller's journal; the fold of all events is the controller's state.
// Flow: controller → millrace.events → the next leader, status, audit.
// Shape: flat. Every event has every field; a field that its type does not use is null. So one Avro record carries them all,
//        and a reader that only shows them needs no switch.
// Invariant: every control record that the controller consumed is named by `consumed` of at least one event, so that the
//            journal alone says where to read on.

import { z } from 'zod';
import { endpointSchema } from './endpoint.ts';
import { weightBpSchema } from './rollout.ts';
import { LANES, modelRefSchema, routePlanSchema } from './route-plan.ts';
import { planShadowSchema } from './shadow.ts';
import { signatureSchema } from './tensor.ts';

/** Where an endpoint's newest rollout stands. Draining: its old or bad lane still holds records. */
export const ROLLOUT_PHASES = [
  'none',
  'loading',
  'ready',
  'serving',
  'promoted-draining',
  'aborted-draining',
  'promoted',
  'aborted',
  'failed',
] as const;
export type RolloutPhase = (typeof ROLLOUT_PHASES)[number];

/** Control topics whose positions the journal carries. */
export const CONSUMED_TOPICS = ['endpoints', 'rollouts', 'commands'] as const;
export type ConsumedTopic = (typeof CONSUMED_TOPICS)[number];

/** How a rollout ended. */
export const OUTCOMES = ['promoted', 'aborted', 'failed'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export const consumedSchema = z.strictObject({ topic: z.enum(CONSUMED_TOPICS), offset: z.int().min(0) });
/** The control record that an event answers. */
export type Consumed = Readonly<z.infer<typeof consumedSchema>>;

/** Longest `message`, in characters; longer ones are cut by the writer. */
export const EVENT_MESSAGE_CHARS_MAX = 4096;

const flat = {
  /** Empty for events about no endpoint (`snapshot` part 0). At most 256 characters: a refused record may name anything. */
  endpoint: z.string().max(256),
  /** Per endpoint, from 1, without gaps; 0 when there is no such endpoint. */
  seq: z.int().min(0),
  /** When it was decided, milliseconds since the epoch. */
  atMs: z.int().min(0),
  /** Who asked (`controller` when nobody did) and why. */
  actor: z.string().max(256),
  reason: z.string().max(1024),
  /** Rollout id, `<endpoint>-<n>`; empty when the event is about none. */
  rollout: z.string().max(128),
  /** Phase of the endpoint's newest rollout after this event. */
  phase: z.enum(ROLLOUT_PHASES),
  /** Error code of the catalogue on refusals and failures, else empty. */
  code: z.string().max(64),
  /** What happened, in words. */
  message: z.string().max(EVENT_MESSAGE_CHARS_MAX),
  /** Worker receipts `worker:lane:partition` that a traffic shift rests on. */
  evidence: z.array(z.string()).max(1024).readonly(),
  consumed: consumedSchema.nullable(),
  /** Idempotency key of the command that it answers. */
  idempotencyKey: z.string().max(128).nullable(),
  settings: z.null(),
  signature: z.null(),
  /** The accepted rollout, as JSON text: strategies bring their own options, the journal need not know them. */
  spec: z.null(),
  candidate: z.null(),
  lane: z.null(),
  /** Candidate's share from now on, basis points. */
  weightBp: z.null(),
  plan: z.null(),
  /** Whether the old version stays bound and warm after this promotion. */
  keepsIncumbent: z.null(),
  outcome: z.null(),
  /** Controller state as JSON text. */
  snapshot: z.null(),
  /** What scores copies while the rollout is under way. */
  shadows: z.null().default(null),
} as const;

const candidate = modelRefSchema;
const lane = z.enum(LANES);

export const rolloutEventSchema = z.discriminatedUnion('type', [
  z.strictObject({ ...flat, type: z.literal('endpoint-defined'), settings: endpointSchema }),
  z.strictObject({ ...flat, type: z.literal('endpoint-refused') }),
  z.strictObject({ ...flat, type: z.literal('endpoint-removed') }),
  z.strictObject({
    ...flat,
    type: z.literal('rollout-accepted'),
    spec: z.string(),
    candidate,
    lane,
    signature: signatureSchema,
    shadows: z.array(planShadowSchema).readonly().default([]),
  }),
  z.strictObject({ ...flat, type: z.literal('rollout-refused') }),
  z.strictObject({ ...flat, type: z.literal('candidate-ready'), candidate, lane, weightBp: weightBpSchema }),
  z.strictObject({ ...flat, type: z.literal('candidate-failed'), candidate, lane }),
  z.strictObject({ ...flat, type: z.literal('weight-set'), candidate, lane, weightBp: weightBpSchema }),
  z.strictObject({ ...flat, type: z.literal('promoted'), candidate, lane, keepsIncumbent: z.boolean() }),
  z.strictObject({ ...flat, type: z.literal('aborted'), candidate, lane }),
  /** `lane` is the drained one, not always the candidate's. */
  z.strictObject({ ...flat, type: z.literal('lane-drained'), lane }),
  z.strictObject({ ...flat, type: z.literal('rollout-completed'), candidate, outcome: z.enum(OUTCOMES) }),
  z.strictObject({ ...flat, type: z.literal('plan-published'), plan: routePlanSchema }),
  z.strictObject({ ...flat, type: z.literal('command-refused') }),
  /** A record that changed nothing: the same again. */
  z.strictObject({ ...flat, type: z.literal('noted') }),
  z.strictObject({ ...flat, type: z.literal('snapshot'), snapshot: z.string() }),
]);
export type RolloutEvent = Readonly<z.infer<typeof rolloutEventSchema>>;
export type RolloutEventType = RolloutEvent['type'];

/** What a field holds when an event's type does not use it. */
export const EVENT_BLANK = {
  actor: 'controller',
  reason: '',
  rollout: '',
  code: '',
  message: '',
  evidence: [],
  consumed: null,
  idempotencyKey: null,
  settings: null,
  signature: null,
  spec: null,
  candidate: null,
  lane: null,
  weightBp: null,
  plan: null,
  keepsIncumbent: null,
  outcome: null,
  snapshot: null,
  shadows: null,
} as const satisfies Partial<RolloutEvent>;

/** Status word and reason of a phase, as `millrace status` shows them. */
export function rolloutStatus(phase: RolloutPhase): { readonly status: string; readonly reason: string } {
  switch (phase) {
    case 'none':
      return { status: 'None', reason: '' };
    case 'loading':
      return { status: 'Progressing', reason: 'CandidateLoading' };
    case 'ready':
      return { status: 'Waiting', reason: 'CandidateReady' };
    case 'serving':
      return { status: 'Progressing', reason: 'CandidateServing' };
    case 'promoted-draining':
    case 'aborted-draining':
      return { status: 'Progressing', reason: 'LaneDraining' };
    case 'promoted':
      return { status: 'Complete', reason: 'Promoted' };
    case 'aborted':
      return { status: 'Complete', reason: 'Aborted' };
    case 'failed':
      return { status: 'Failed', reason: 'CandidateFailed' };
  }
}
