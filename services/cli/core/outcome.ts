// Outcome: what the controller's events mean for someone who waits for a rollout or a command.
// Flow: events in order → [judge] → still waiting, or done, refused, failed.
// Invariant: pure; an event is ours by the control record or the idempotency key that it answers, later ones by rollout id.

import { ERRORS } from '../../../shared/domain/errors.ts';
import type { Consumed, RolloutEvent, RolloutPhase } from '../../../shared/domain/event.ts';
import { chooseStrategy, parseRollout } from '../../../shared/strategies/registry.ts';

/** `accepted`: the controller answered. `settled`: only the user moves it now. `completed`: nothing moves any more. */
export const WAITS = ['accepted', 'settled', 'completed'] as const;
export type Wait = (typeof WAITS)[number];

/** How a wait ended. */
export interface Verdict {
  readonly kind: 'ok' | 'refused' | 'failed';
  readonly event: RolloutEvent;
}

/** What is waited for, and by which sign an event is the answer to it. */
export interface Awaited {
  readonly wait: Wait;
  readonly isAnswer: (event: RolloutEvent) => boolean;
  /** How the rollout is to end; a rollout that ends otherwise failed. */
  readonly outcome: 'promoted' | 'aborted';
}

/** Judges events one after the other; undefined while the wait goes on. */
export function judge(awaited: Awaited): (event: RolloutEvent) => Verdict | undefined {
  const { wait, isAnswer, outcome } = awaited;
  /** Rollout that was answered about; null until then. */
  let rollout: string | null = null;
  return (event) => {
    if (event.type === 'snapshot') return undefined;
    if (rollout === null) {
      if (!isAnswer(event)) return undefined;
      if (event.type.endsWith('-refused')) return { kind: 'refused', event };
      if (wait === 'accepted') return { kind: 'ok', event };
      ({ rollout } = event);
      // The same again: where the rollout stands already may be all that is waited for.
      return event.type === 'noted' ? standing(event, awaited) : progress(event, awaited);
    }
    if (event.rollout !== rollout) return undefined;
    return progress(event, { wait, outcome });
  };
}

/** An event is the answer to the control record at `place`. */
export function answersRecord(place: Consumed): Awaited['isAnswer'] {
  return ({ consumed }) => consumed?.topic === place.topic && consumed.offset === place.offset;
}

/** An event is the answer to the command with `key`. */
export function answersCommand(key: string): Awaited['isAnswer'] {
  return ({ idempotencyKey }) => idempotencyKey === key;
}

function progress(event: RolloutEvent, { wait, outcome }: Pick<Awaited, 'wait' | 'outcome'>): Verdict | undefined {
  if (event.type === 'candidate-failed') return { kind: 'failed', event };
  if (event.type === 'rollout-completed') return { kind: event.outcome === outcome ? 'ok' : 'failed', event };
  if (wait === 'settled' && event.type === 'candidate-ready') return { kind: 'ok', event };
  return undefined;
}

function standing(event: RolloutEvent, { wait, outcome }: Awaited): Verdict | undefined {
  if (event.phase === outcome || (wait === 'settled' && isSettled(event.phase))) return { kind: 'ok', event };
  return undefined;
}

/** Whether a rollout waits for its user. */
function isSettled(phase: RolloutPhase): boolean {
  return phase === 'ready' || phase === 'serving';
}

/** How long `apply --wait` waits by itself: a rollout that promotes itself is done when it is complete. */
export function settlesAt(rollout: unknown): Wait {
  return chooseStrategy(parseRollout(rollout)).promotesWhenReady ? 'completed' : 'settled';
}

/** What to do about a refusal, in the words of the catalogue; empty for a code that it does not have. */
export function actionOf(code: string): string {
  const entry = Object.entries(ERRORS).find(([known]) => known === code)?.[1];
  if (entry === undefined) return '';
  // The event carries the filled message but not what filled it.
  return /\{\w+\}/.test(entry.action) ? 'See `millrace apply --help`.' : entry.action;
}
