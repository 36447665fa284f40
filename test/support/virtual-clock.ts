// VirtualClock: time that moves only when everything that can go on has gone on.
// Method: `until` lets the event loop run dry, then jumps to the earliest sleeper; no test waits for real time.

import type { Clock } from '../../shared/domain/clock.ts';

const START_MS = 1_700_000_000_000;
/** Turns of the event loop after which nothing is assumed to be under way. */
const SETTLE_TURNS = 30;
const LIMIT_MS_DEFAULT = 60_000;

export class VirtualClock implements Clock {
  #nowMs = START_MS;
  readonly #sleepers = new Set<{ readonly dueMs: number; readonly wake: () => void }>();

  monotonicUs(): number {
    return this.#nowMs * 1_000;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = () => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const sleeper = { dueMs: this.#nowMs + Math.max(0, ms), wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', wake, { once: true });
    });
  }

  /** Lets everything run that needs no time; a sleep of 0 ms is a turn of the loop. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < SETTLE_TURNS; turn++) {
      for (const sleeper of [...this.#sleepers]) if (sleeper.dueMs <= this.#nowMs) sleeper.wake();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Moves time from sleeper to sleeper until `done`; throws when that takes more than `limitMs`. */
  async until(done: () => boolean, limitMs = LIMIT_MS_DEFAULT): Promise<void> {
    const lastMs = this.#nowMs + limitMs;
    for (await this.settle(); !done(); await this.settle()) {
      const [next] = [...this.#sleepers].sort((a, b) => a.dueMs - b.dueMs);
      if (next === undefined || next.dueMs > lastMs) throw new RangeError(`not done within ${limitMs} ms`);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.wake();
    }
  }

  /** Moves time by `ms`, waking everyone on the way. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    const timer = this.sleep(ms);
    let over = false;
    void timer.then(() => {
      over = true;
    });
    await this.until(() => over, ms);
    this.#nowMs = endMs;
  }

  /** What `work` comes to, with time moved on for it. */
  async driven<T>(work: Promise<T>): Promise<T> {
    let over = false;
    const settled = work.finally(() => {
      over = true;
    });
    // It may reject before anybody waits for it.
    settled.catch(() => undefined);
    await this.until(() => over);
    return settled;
  }
}
