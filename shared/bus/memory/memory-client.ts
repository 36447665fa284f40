// Memory client: what the parts of one memory bus share, which is one process as the broker sees it.
// Flow: every call of bus, consumer and owner passes `alive`; deliveries pass `deliver`.
// Invariant: a crashed client never answers again: its callers stop where they are, as code of a dead process does.

import { setMaxListeners } from 'node:events';
import type { Clock } from '../../domain/clock.ts';
import type { DeliverContext } from './hooks.ts';
import type { MemoryLog } from './memory-log.ts';

/** After so many batches in a row timers get a turn, however full the log is. */
const DELIVERIES_PER_TURN = 16;

export class MemoryClient {
  readonly log: MemoryLog;
  readonly clock: Clock;
  readonly name: string;
  /** Aborts when the client is closed or crashes. */
  readonly ended = manyListeners(new AbortController());
  /** No heartbeats are sent and no assignment is noticed. */
  stalled = false;
  private crashed = false;
  private deliveries = 0;

  constructor(log: MemoryLog, clock: Clock, name: string) {
    this.log = log;
    this.clock = clock;
    this.name = name;
  }

  crash(): void {
    this.crashed = true;
    this.ended.abort();
  }

  get isCrashed(): boolean {
    return this.crashed;
  }

  /** Resolves at once; after a crash, never. */
  alive(): Promise<void> {
    return this.crashed ? new Promise(() => {}) : Promise.resolve();
  }

  /** The way of records to their reader. */
  async deliver(context: Omit<DeliverContext, 'client'>): Promise<void> {
    await this.log.hooks.onDeliver?.({ client: this.name, ...context });
    if (++this.deliveries % DELIVERIES_PER_TURN === 0) await this.clock.sleep(0);
    await this.alive();
  }

  /** Lets due deadlines of the broker take effect. @returns milliseconds until the next one, null when none is set */
  expire(): number | null {
    const nowMs = this.clock.nowMs();
    this.log.expire(nowMs);
    const next = this.log.transactions.nextDeadlineMs();
    return next === null ? null : next - nowMs;
  }

  /** Waits for a promise, but no longer than `maxMs`. */
  async bounded(work: Promise<unknown>, maxMs: number): Promise<void> {
    const timer = new AbortController();
    await Promise.race([work, this.clock.sleep(maxMs, timer.signal)]);
    timer.abort();
  }
}

/** Every partition and reader of the client waits on its end, which is no leak. */
function manyListeners(controller: AbortController): AbortController {
  setMaxListeners(0, controller.signal);
  return controller;
}
