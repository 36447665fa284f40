// Wakes: who waits for which change of the log, without timers of its own.
// Flow: readers, owners and consumers wait for keys; the log wakes a key after each change.
// Invariant: waiters of one key wake in the order in which they began to wait, so that histories repeat exactly.

import { type Clock, WOKEN } from '../../domain/clock.ts';

export interface WaitOptions {
  readonly clock: Clock;
  /** Longest wait; null waits for a change only. */
  readonly maxMs: number | null;
  readonly signals: readonly AbortSignal[];
}

export class Wakes {
  private readonly waiting = new Map<string, Set<() => void>>();

  /** Ends the wait of everybody who waits for `key`. */
  wake(key: string): void {
    const waiters = this.waiting.get(key);
    if (waiters === undefined) return;
    this.waiting.delete(key);
    for (const resolve of waiters) resolve();
  }

  /** Resolves at the next change of any key, after `maxMs`, or when a signal aborts. Never rejects. */
  wait(keys: readonly string[], options: WaitOptions): Promise<void> {
    const { clock, maxMs, signals } = options;
    if (signals.some((signal) => signal.aborted)) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = new AbortController();
      const done = () => {
        for (const key of keys) this.forget(key, done);
        for (const signal of signals) signal.removeEventListener('abort', done);
        timer.abort(WOKEN);
        resolve();
      };
      for (const key of keys) this.remember(key, done);
      for (const signal of signals) signal.addEventListener('abort', done);
      if (maxMs !== null) void clock.sleep(maxMs, timer.signal).then(done);
    });
  }

  private remember(key: string, done: () => void): void {
    const waiters = this.waiting.get(key) ?? new Set();
    this.waiting.set(key, waiters.add(done));
  }

  private forget(key: string, done: () => void): void {
    const waiters = this.waiting.get(key);
    waiters?.delete(done);
    if (waiters?.size === 0) this.waiting.delete(key);
  }
}
