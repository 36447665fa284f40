// Back-off: how long a failing loop waits before it tries again.

const BACKOFF_MS_MIN = 20;
const BACKOFF_MS_MAX = 1_000;

/** Milliseconds before attempt `failures + 1`; `failures` counts from 1. Doubles from 20 to 1000. */
export function backoffMs(failures: number): number {
  return Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(Math.max(failures - 1, 0), 16));
}
