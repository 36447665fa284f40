// Moment: when, within an interval, a partition is fetched by those who can wait.
// Why: what follows from the fetches of all partitions, scoring and commits, is spread over the interval, and does not come as one
//      wave over the live road that shares the cores.

/** The golden ratio's fraction: its multiples lie evenly within 1, however many there are (Weyl). */
const SPREAD = 0.618_034;

/** The partition's first moment after `nowMs`: at most an interval away. */
export function nextMomentMs(partition: number, intervalMs: number, nowMs: number): number {
  const momentMs = ((partition * SPREAD) % 1) * intervalMs;
  return nowMs + intervalMs - ((nowMs + intervalMs - momentMs) % intervalMs);
}
