// Pace: when what waits in a partition's queue may be taken for the next commit.
// Why: a transaction costs brokers and workers the same for one record as for a hundred, and at some hundred requests a second each
//      would have its own; while one is under way or has just ended, the first to come waits for those behind it (ADR 11).
// Invariants: the rest is as long as the commit before took, so whoever is fast waits for little, and whoever is crowded gets room;
//             nobody waits for longer than `REST_MS_MAX` after an end.

import type { Clock } from '../../domain/clock.ts';

/** A broker that is slow for other reasons does not make everybody slower still. */
export const REST_MS_MAX = 25;

export class Pace {
  /** Told when a rest is over. */
  onRested: (() => void) | null = null;
  private readonly clock: Clock;
  private readonly lost: AbortSignal;
  /** Commits that are under way, or whose rest is. */
  private unrested = 0;

  /** @param lost nothing rests any more */
  constructor(clock: Clock, lost: AbortSignal) {
    this.clock = clock;
    this.lost = lost;
  }

  /** Whether no commit is under way, and the last one was long enough ago. */
  get rested(): boolean {
    return this.unrested === 0;
  }

  /** Settles as the commit does. */
  async during(commit: Promise<void>): Promise<void> {
    this.unrested++;
    const startUs = this.clock.monotonicUs();
    try {
      await commit;
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
