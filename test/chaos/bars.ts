// Bars: for how long a partition may be silent, by what a fault takes from the house; and what was seen, held against that.
// Choice: 1.7 to 2.7 times what runs on two full cores showed, which docs/reliability.md has by kind; what is promised in quiet
//         (handover.ts) is less.

import { SESSION_TIMEOUT_MS } from './world.ts';

/** Longest silences, ms. */
export interface Bar {
  /** While it lasts, of a partition that it does not concern. */
  readonly duringMs: number;
  /** From its beginning until all is well again, of any partition. */
  readonly allMs: number;
}

/** Until others have taken over what a process owned: its session, a rebalance, fences. */
export const TAKE_OVER_MS = SESSION_TIMEOUT_MS + 3_000;
/** What is lost without a word is missed after the time-out of a request. */
const REQUEST_TIMEOUT_MS = 10_000;
/** The brokers and the house fill the cores, and others may as well. */
const BUSY_MS = 9_000;
/** Processes and brokers that come back move partitions once more. */
const RETURN_MS = 5_000;

const bar = (duringMs: number): Bar => ({ duringMs, allMs: duringMs + RETURN_MS });

export const BARS = {
  /** Nobody's answers wait for what is hit: controllers, shadows, comparators. 4.4 s was measured. */
  bystander: bar(SESSION_TIMEOUT_MS + BUSY_MS),
  /** Partitions change owners, or connections are made anew. 6.1 s. */
  takeOver: bar(TAKE_OVER_MS + BUSY_MS),
  /** A message is lost, or what is behind it waits with it. 10.3 s. */
  message: bar(REQUEST_TIMEOUT_MS + BUSY_MS),
  /** One of three brokers is away: leaders move, and a transaction may wait as long again for what it was to take down. 10.2 s. */
  broker: bar(2 * REQUEST_TIMEOUT_MS),
} as const satisfies Record<string, Bar>;

/** What a fault did to the answers. */
export interface Seen {
  /** Longest silence of a partition that had to go on while it lasted, and of any until the recovery, ms. */
  readonly stallDuringMs: number;
  readonly stallMs: number;
  /** Partitions without progress while it lasted, of those that had to go on; and after it. */
  readonly stillDuring: readonly number[];
  readonly stillAfter: readonly number[];
}

/** In words, what was not as it must be; empty when all was. */
export function missesOf(
  { stallDuringMs, stallMs, stillDuring, stillAfter }: Seen,
  { duringMs, allMs }: Bar,
): string[] {
  const silence = (ms: number, when: string, barMs: number) =>
    ms > barMs ? [`a silence of ${ms} ms ${when}, over ${barMs}`] : [];
  return [
    ...(stillDuring.length > 0 ? [`no progress during it in partitions ${stillDuring.join()}`] : []),
    ...silence(stallDuringMs, 'while it lasted', duringMs),
    ...(stillAfter.length > 0 ? [`no recovery of partitions ${stillAfter.join()}`] : []),
    ...silence(stallMs, 'in all', allMs),
  ];
}
