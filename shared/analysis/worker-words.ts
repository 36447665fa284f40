// WorkerWords: since when workers said what of the versions that they load.
// Flow: millrace.workers, in any order → [observe]; the check of READY asks.
// Invariant: two times for each worker, version and digest, however often it says the same again.

import type { ModelRef } from '../domain/route-plan.ts';
import type { WorkerReport } from '../domain/worker.ts';

export class WorkerWords {
  /** First word of a worker about a version, ms since the epoch. */
  readonly #spokenMs = new Map<string, number>();
  /** The same about a version and digest that is READY. */
  readonly #readyMs = new Map<string, number>();

  observe({ worker, version, digest, state, atMs }: WorkerReport): void {
    earlier(this.#spokenMs, `${version}/${worker}`, atMs);
    if (state === 'READY') earlier(this.#readyMs, `${version}/${digest}/${worker}`, atMs);
  }

  /**
   * Whether the worker had said READY for this version by `atMs`; null when nothing that it said by then is on record:
   * the topic is compacted, a worker whose reports all came later may have said so before.
   */
  wasReady(worker: string, { version, digest }: ModelRef, atMs: number): boolean | null {
    if ((this.#spokenMs.get(`${version}/${worker}`) ?? Number.POSITIVE_INFINITY) > atMs) return null;
    return (this.#readyMs.get(`${version}/${digest}/${worker}`) ?? Number.POSITIVE_INFINITY) <= atMs;
  }
}

function earlier(times: Map<string, number>, name: string, atMs: number): void {
  times.set(name, Math.min(times.get(name) ?? Number.POSITIVE_INFINITY, atMs));
}
