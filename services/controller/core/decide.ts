// Decide: what follows from one input: the events to write, none when the input was decided before or changes nothing.
// Flow: service → decide(state, input, circumstances) → events → one transaction with the plan they carry.
// Invariant: pure; never throws for what came from outside; every consumed record is answered by at least one event.

import { type ConsumedTopic, EVENT_BLANK, type RolloutEvent } from '../../../shared/domain/event.ts';
import { decideCommand } from './decide-command.ts';
import { decideEndpoint } from './decide-endpoint.ts';
import { decideLaneDrained, decideWorkers } from './decide-observation.ts';
import { decideRollout } from './decide-rollout.ts';
import type { Circumstances, Input } from './input.ts';
import { type Journal, type Occasion, openJournal } from './journal.ts';
import { alreadyConsumed, type ControllerState } from './state.ts';

const REFUSED_TYPE = {
  endpoints: 'endpoint-refused',
  rollouts: 'rollout-refused',
  commands: 'command-refused',
} as const satisfies Record<ConsumedTopic, RolloutEvent['type']>;

export function decide(state: ControllerState, input: Input, now: Circumstances): readonly RolloutEvent[] {
  const consumed = 'consumed' in input ? input.consumed : null;
  if (consumed !== null && alreadyConsumed(state, consumed.topic, consumed.offset)) return [];
  const journal = openJournal(state, { endpoint: input.endpoint, nowMs: now.nowMs, consumed, ...asker(input) });
  return write(journal, input, now).events;
}

/** Whether the decision turned its record down: worth a second look when other control topics lag behind. */
export function isRefusal(events: readonly RolloutEvent[]): boolean {
  return events.some((event) => event.type.endsWith('-refused'));
}

function write(journal: Journal, input: Input, now: Circumstances): Journal {
  switch (input.type) {
    case 'endpoint':
      return decideEndpoint(journal, input);
    case 'rollout':
      return decideRollout(journal, input, now.nowMs);
    case 'command':
      return decideCommand(journal, input.command, now);
    case 'unreadable':
      return journal.refuse(REFUSED_TYPE[input.consumed.topic], input.problem);
    case 'workers':
      return decideWorkers(journal, input.endpoint, now);
    case 'lane-drained':
      return decideLaneDrained(journal, input);
  }
}

function asker(input: Input): Pick<Occasion, 'actor' | 'reason' | 'idempotencyKey'> {
  if (input.type === 'command') {
    const { actor, reason, idempotencyKey } = input.command;
    return { actor, reason, idempotencyKey };
  }
  if (input.type === 'rollout' && input.rollout !== null) {
    return { actor: input.rollout.actor, reason: input.rollout.reason };
  }
  return { actor: input.type === 'endpoint' || input.type === 'unreadable' ? 'unknown' : EVENT_BLANK.actor };
}
