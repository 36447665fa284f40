// Pace: when a partition's next transaction may begin.
// Why: a transaction costs brokers and workers the same for one record as for a hundred, and at some hundred requests a second each
//      would have its own; while one is under way or has just ended, those that come wait for each other.
// Invariants: the rest is as long as what went before took, so whoever is fast waits for little, and whoever is crowded gets room;
//             nobody waits for company once there are many, and nobody for longer than `REST_MS_MAX` after an end.

import type { Clock } from '../../domain/clock.ts';

/** Of one partition's queue: enough for a transaction of its own, and the next batch is prepared while one is under way. */
export const CROWD_BYTES = 65_536;
/** A broker that is slow for other reasons does not make everybody slower still. */
export const REST_MS_MAX = 25;

export class Pace {
  /** Told when a rest is over. */
  onRested: (() => void) | null = null;
  private readonly clock: Clock;
  private readonly lost: AbortSignal;
  /** Transactions that are under way, or whose rest is. */
  private unrested = 0;

  /** @param lost nothing rests any more */
  constructor(clock: Clock, lost: AbortSignal) {
    this.clock = clock;
    this.lost = lost;
  }

  /** Whether what waits, `bytes` of it, may be taken now. */
  allows(bytes: number): boolean {
    return this.unrested === 0 || bytes >= CROWD_BYTES;
  }

  /** Settles as the transaction does. */
  async during(transaction: Promise<void>): Promise<void> {
    this.unrested++;
    const startUs = this.clock.monotonicUs();
    try {
      await transaction;
    } finally {
      void this.rest((this.clock.monotonicUs() - startUs) / 1_000);
    }
  }

  /** Never rejects. */
  private async rest(tookMs: number): Promise<void> {
    await this.clock.sleep(Math.min(tookMs, REST_MS_MAX), this.lost);
    this.unrested--;
    this.onRested?.();
  }
}
