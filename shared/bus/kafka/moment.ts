// Moment: when, within an interval, a partition is fetched by those who can wait.
// Why: what follows from a process's fetches of all its partitions, scoring and commits, is spread over the interval, and does not come
//      as one wave over the live road that shares the cores.

/** Partitions that share a moment are fetched together: many of them must not mean a fetch for each. */
const MOMENTS = 16;
/** The golden ratio's fraction: its multiples keep far apart within 1, however many there are (three-distance theorem). */
const SPREAD = 0.618_034;

/** The partition's first moment after `nowMs`: at most an interval away. */
export function nextMomentMs(partition: number, intervalMs: number, nowMs: number): number {
  const moment = Math.floor(((partition * SPREAD) % 1) * MOMENTS);
  const momentMs = (moment / MOMENTS) * intervalMs;
  return nowMs + intervalMs - ((nowMs + intervalMs - momentMs) % intervalMs);
}
