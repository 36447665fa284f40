// Limits: how much a comparison keeps, per partition and run.

export interface Limits {
  /** Sources that an answer or output may lie behind the largest one of its topic. */
  readonly window: number;
  /** Sources that one input may be ahead of the other. */
  readonly ahead: number;
  /** Sources that may follow before a label comes. */
  readonly labelWindow: number;
  /** Length of a metric window, milliseconds. */
  readonly windowMs: number;
}

/**
 * What a comparator keeps unless told otherwise, per partition and run: of 100,000 requests, twice the label window, what labels need,
 * some 140 bytes and 16 for each row after the first; of at most 40,000 that wait for their partner (`ahead`) the whole output too, 8
 * bytes per value. That is some twenty megabytes with ten classes; with a thousand, 320 more while a shadow is away.
 */
export const DEFAULT_LIMITS: Limits = limitsWith({ window: 20_000, labelWindow: 50_000, windowMs: 10_000 });

/** Largest window that may be asked for, in requests. */
export const WINDOW_MAX = 10_000_000;

/** One input may be ahead of the other by twice the window: so far, whatever comes late is known to be late. */
export function limitsWith(kept: Omit<Limits, 'ahead'>): Limits {
  return { ...kept, ahead: 2 * kept.window };
}
