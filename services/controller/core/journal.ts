// Journal: the pen that `decide` writes with. It numbers an event, stamps the phase after it and folds it at once.
// Flow: one journal per decision: decide → write(body)… → publish → events, state.
// Invariant: `state` is always the fold of the state before and `events`; every event passes its own schema.

import { assert, type ErrorCode, type ErrorContext, MillraceError } from '../../../shared/domain/errors.ts';
import {
  type Consumed,
  EVENT_BLANK,
  EVENT_MESSAGE_CHARS_MAX,
  type RolloutEvent,
  type RolloutEventType,
  rolloutEventSchema,
} from '../../../shared/domain/event.ts';
import { compile } from './compile.ts';
import { evolve } from './evolve.ts';
import { type ControllerState, definedEndpoint, phaseOf, rolloutIdOf } from './state.ts';

/** Who and what a decision answers. */
export interface Occasion {
  readonly endpoint: string;
  readonly nowMs: number;
  readonly consumed: Consumed | null;
  readonly actor?: string;
  readonly reason?: string;
  readonly idempotencyKey?: string;
}

/** A reason to refuse, in the catalogue's words. */
export interface Problem {
  readonly code: string;
  readonly message: string;
}

/** What the journal fills in by itself. */
type Filled = 'endpoint' | 'seq' | 'atMs' | 'actor' | 'reason' | 'phase' | 'consumed' | 'idempotencyKey';
type Loose = 'code' | 'message' | 'evidence' | 'rollout';
type Own<E> = { [K in keyof E as E[K] extends null ? never : K extends Filled | Loose ? never : K]: E[K] };
type BodyOf<E> = E extends RolloutEvent ? Readonly<Own<E> & Partial<Pick<E, Loose>>> : never;
/** What is particular to one event. */
export type EventBody = BodyOf<RolloutEvent>;

export interface Journal {
  readonly state: ControllerState;
  readonly events: readonly RolloutEvent[];
  /** Each returns the journal itself. */
  write(body: EventBody): Journal;
  refuse(type: Extract<RolloutEventType, `${string}-refused`>, problem: Problem): Journal;
  /** Writes the plan that the state means now, if it is another one than before. */
  publish(evidence?: readonly string[]): Journal;
}

/** The problem of a refusal that has nothing but a code and its context. */
export function problem(code: ErrorCode, context: ErrorContext): Problem {
  return problemOf(new MillraceError(code, context));
}

/** Code and words of any thrown value. */
export function problemOf(error: unknown): Problem {
  if (error instanceof MillraceError) return { code: error.code, message: error.message };
  return { code: 'ASSERTION', message: error instanceof Error ? error.message : String(error) };
}

export function openJournal(before: ControllerState, occasion: Occasion): Journal {
  let state = before;
  const events: RolloutEvent[] = [];
  const { endpoint, nowMs: atMs, consumed, idempotencyKey = null } = occasion;
  const who = { actor: occasion.actor ?? 'controller', reason: occasion.reason ?? '' };

  function write(body: EventBody): Journal {
    const known = state.endpoints.get(endpoint);
    const seq = known === undefined && body.type !== 'endpoint-defined' ? 0 : (known?.seq ?? 0) + 1;
    const rollout = rolloutIdOf(state, endpoint);
    const place = { endpoint, seq, atMs, consumed, idempotencyKey };
    const draft = { ...EVENT_BLANK, ...place, ...who, rollout, phase: 'none', ...body };
    const message = draft.message.slice(0, EVENT_MESSAGE_CHARS_MAX);
    const event = rolloutEventSchema.parse({ ...draft, message });
    state = evolve(state, event);
    events.push({ ...event, phase: phaseOf(state, endpoint) });
    return journal;
  }

  const journal: Journal = {
    get state() {
      return state;
    },
    events,
    write,
    refuse: (type, { code, message }) => write({ type, code, message }),
    publish: (evidence = []) => {
      const defined = definedEndpoint(state, endpoint);
      assert(defined !== null, `a plan for ${endpoint}, which is not defined`);
      const plan = compile(defined, evidence);
      if (plan === null) return journal;
      const shares = plan.shares.map(({ lane, weightBp }) => `${lane} v${plan.lanes[lane]?.version} ${weightBp} bp`);
      const message = `plan ${plan.revision}: ${shares.join(', ') || 'nothing routes yet'}`;
      return write({ type: 'plan-published', plan, message, evidence: plan.evidence });
    },
  };
  return journal;
}
