// Backoff: how long to wait before the next try. Pure: the jitter is an argument.

export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * Pause before try `attempt` (1 = the first repeat): doubles from `firstMs`, never above `maxMs`.
 * @param jitter 0..1; shortens the pause by up to a quarter, so that many processes do not come back at once
 */
export function backoffMs(attempt: number, { firstMs, maxMs }: Backoff, jitter: number): number {
  const doublings = Math.min(Math.max(attempt - 1, 0), 30);
  return Math.round(Math.min(firstMs * 2 ** doublings, maxMs) * (1 - jitter / 4));
}
