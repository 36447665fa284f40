// SimClock: virtual time for a whole house. It moves only when nothing can go on without it.
// Method: everything under simulation waits on promises and this clock alone, so one turn of the event loop runs it dry;
//         then time jumps to the next sleeper. Sleepers of one moment wake in the order in which they lay down.

import type { Clock } from '../../shared/domain/clock.ts';

const START_MS = 1_700_000_000_000;

interface Sleeper {
  readonly dueMs: number;
  readonly order: number;
  readonly wake: () => void;
  /** Woken before it was due. */
  isUp: boolean;
}

export class SimClock implements Clock {
  #nowMs = START_MS;
  #order = 0;
  /** A binary heap, the next one first. */
  readonly #sleepers: Sleeper[] = [];

  monotonicUs(): number {
    return this.#nowMs * 1_000;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  get elapsedMs(): number {
    return this.#nowMs - START_MS;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      const wake = () => {
        sleeper.isUp = true;
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const sleeper = { dueMs: this.#nowMs + Math.max(0, ms), order: this.#order++, wake, isUp: false };
      this.#push(sleeper);
      signal?.addEventListener('abort', wake);
    });
  }

  /** Lets time pass until `untilMs` after the start, or until `done`. @returns whether it is done */
  async run(untilMs: number, done: () => boolean = () => false): Promise<boolean> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      if (done()) return true;
      while (this.#sleepers[0]?.isUp === true) this.#pop();
      const next = this.#sleepers[0];
      if (next === undefined || next.dueMs > START_MS + untilMs) {
        this.#nowMs = START_MS + untilMs;
        return false;
      }
      this.#pop();
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.wake();
    }
  }

  #push(sleeper: Sleeper): void {
    const heap = this.#sleepers;
    heap.push(sleeper);
    for (let at = heap.length - 1; at > 0; ) {
      const parent = (at - 1) >>> 1;
      if (!this.#swapIfBefore(at, parent)) break;
      at = parent;
    }
  }

  #pop(): void {
    const heap = this.#sleepers;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      if (left >= heap.length) break;
      const right = left + 1;
      const child = right < heap.length && this.#isBefore(right, left) ? right : left;
      if (!this.#swapIfBefore(child, at)) break;
      at = child;
    }
  }

  #swapIfBefore(a: number, b: number): boolean {
    if (!this.#isBefore(a, b)) return false;
    const heap = this.#sleepers;
    const [x, y] = [heap[a], heap[b]];
    if (x !== undefined && y !== undefined) [heap[a], heap[b]] = [y, x];
    return true;
  }

  #isBefore(a: number, b: number): boolean {
    const [x, y] = [this.#sleepers[a], this.#sleepers[b]];
    if (x === undefined || y === undefined) return false;
    return x.dueMs < y.dueMs || (x.dueMs === y.dueMs && x.order < y.order);
  }
}
