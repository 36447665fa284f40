// Calm: histories in which nothing fails and all models are slow, so that what is promised of an undisturbed house can be held to.
// Flow: seed → is it calm → no faults, requests that pile up before an abort → the bounds as promised, and no open transaction.

import { ROLLBACK_BOUNDS, type RollbackBounds } from '../../shared/analysis/checks/rollback-bound.ts';
import type { MemoryLog } from '../../shared/bus/memory/memory-log.ts';
import type { SimClock } from './sim-clock.ts';

const CALM_EVERY_SEEDS = 20;
/** What every batch of 16 rows takes there, ms: what piles up for a version takes it longer than a rollback may. */
export const CALM_SCORE_MS = 200;
/** When the memory log's coordinator gives a transaction up, ms. */
export const TRANSACTION_MS = 5_000;
/** Without delays a transaction is over at the moment in which it begins; half of what a model takes tells the two apart. */
const OPEN_MS_MAX = CALM_SCORE_MS / 2;
const WATCH_MS = 20;
/**
 * Among faults a rollback waits for a partition's next owner: session (3 s), transaction and the longest delays come on top of
 * the promised second.
 */
const DISTURBED_BOUNDS: RollbackBounds = { cutMs: 30_000, answerMs: 30_000 };

export function isCalm(seed: number): boolean {
  return seed % CALM_EVERY_SEEDS === 0;
}

export function boundsOf(seed: number): RollbackBounds {
  return isCalm(seed) ? ROLLBACK_BOUNDS : DISTURBED_BOUNDS;
}

/** Longest time that a transaction of a calm history is open. */
export class OpenTransactions {
  #longestMs = 0;

  async watch(log: MemoryLog, clock: SimClock): Promise<void> {
    for (;;) {
      await clock.sleep(WATCH_MS);
      const deadlineMs = log.transactions.nextDeadlineMs();
      if (deadlineMs === null) continue;
      this.#longestMs = Math.max(this.#longestMs, TRANSACTION_MS - (deadlineMs - clock.nowMs()));
    }
  }

  get problems(): string[] {
    return this.#longestMs > OPEN_MS_MAX ? [`a transaction was open for ${this.#longestMs} ms`] : [];
  }
}
