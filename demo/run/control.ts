// Control: what an operator does in the demo, through topics only: apply, promote, abort, and watch the journal.

import { randomUUID } from 'node:crypto';
import type { Bus } from '../../shared/bus/bus.ts';
import { decodeControl, encodeControl } from '../../shared/codec/control.ts';
import { aborted, type Clock, sleepUnless } from '../../shared/domain/clock.ts';
import type { Endpoint } from '../../shared/domain/endpoint.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import type { RolloutEvent } from '../../shared/domain/event.ts';
import type { Verb } from '../../shared/domain/rollout.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import { parseRollout } from '../../shared/strategies/registry.ts';

/** Longest wait for the controller to say what the demo waits for. */
const EVENT_DEADLINE_MS = 60_000;

const ACTOR = 'demo';
const encoder = new TextEncoder();

export interface Operator {
  defineEndpoint(endpoint: Endpoint): Promise<void>;
  /** Writes a rollout record. @returns when it was written, milliseconds since the epoch */
  apply(rollout: Record<string, unknown>): Promise<number>;
  command(verb: Exclude<Verb, 'set-weight'>, reason: string): Promise<number>;
  /**
   * The first event after the last awaited one that `wanted` accepts.
   * @throws the refusal, when the controller refuses meanwhile; what ended the journal's reading; NOT_FOUND after a minute
   */
  next(words: string, wanted: (event: RolloutEvent) => boolean): Promise<RolloutEvent>;
  stop(): Promise<void>;
}

/** An operator of one endpoint. */
export function operatorOf(deps: { bus: Bus; topics: Topics; clock: Clock; endpoint: string }): Operator {
  const { bus, topics, clock, endpoint } = deps;
  const events: RolloutEvent[] = [];
  const ended = new AbortController();
  let arrived = new AbortController();
  let awaited = 0;
  let failure: unknown = null;

  async function follow(): Promise<void> {
    const topic = topics.control('events');
    for await (const batch of bus.read({ topic, from: 'earliest', until: 'never', signal: ended.signal })) {
      for (const record of batch.records) events.push(decodeControl('event', record));
      const fired = arrived;
      arrived = new AbortController();
      fired.abort();
    }
  }

  async function write(kind: 'endpoints' | 'rollouts' | 'commands', value: Uint8Array): Promise<number> {
    const atMs = clock.nowMs();
    const record = { topic: topics.control(kind), partition: 0, key: encoder.encode(endpoint), value, headers: [] };
    await bus.write([record]);
    return atMs;
  }

  async function next(words: string, wanted: (event: RolloutEvent) => boolean): Promise<RolloutEvent> {
    const deadlineMs = clock.nowMs() + EVENT_DEADLINE_MS;
    for (;;) {
      const more = arrived.signal;
      if (failure !== null) throw failure;
      while (awaited < events.length) {
        const event = events[awaited++];
        if (event === undefined || event.endpoint !== endpoint) continue;
        if (event.type === 'rollout-refused' || event.type === 'command-refused') {
          throw new MillraceError('USAGE', { detail: `the controller refused: ${event.code}: ${event.message}` });
        }
        if (wanted(event)) return event;
      }
      const leftMs = deadlineMs - clock.nowMs();
      if (leftMs <= 0) throw new MillraceError('NOT_FOUND', { detail: `no event within a minute: ${words}` });
      await sleepUnless(clock, leftMs, more);
    }
  }

  // Told by `next`, which is woken for it.
  const following = follow().catch((error: unknown) => {
    failure = error;
    arrived.abort();
  });
  return {
    defineEndpoint: async (settings) => {
      await write('endpoints', encodeControl('endpoint', settings));
    },
    apply: (rollout) => {
      const checked = parseRollout({ endpoint, actor: ACTOR, ...rollout });
      return write('rollouts', encoder.encode(JSON.stringify(checked)));
    },
    command: (verb, reason) =>
      write(
        'commands',
        encodeControl('command', { endpoint, verb, idempotencyKey: randomUUID(), actor: ACTOR, reason }),
      ),
    next,
    stop: async () => {
      ended.abort();
      await Promise.race([following, aborted(ended.signal)]);
    },
  };
}
