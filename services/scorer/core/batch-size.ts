// BatchSize: how many records a lane takes at once, so that none waits long for the others of its batch.
// A batch is answered as a whole: with a slow model a large one would hold its first answers back, and a worker that is
// told to stop would have to finish it.

/** Records of one batch and transaction at most. */
export const BATCH_RECORDS_MAX = 512;
/** A lane begins with so many: nobody knows yet how fast the version is. */
export const BATCH_RECORDS_FIRST = 32;
/** How long answering a batch should take; a commit costs some ten milliseconds. */
export const BATCH_TARGET_MS = 500;

/**
 * The next batch's limit after one of `records` (≥ 1) took `tookMs` under `limit`: at most twice as large, and as small as the
 * target asks for. A batch that was not full says nothing of a larger one.
 */
export function nextBatchLimit(limit: number, records: number, tookMs: number): number {
  if (tookMs > BATCH_TARGET_MS) return Math.max(1, Math.floor((records * BATCH_TARGET_MS) / tookMs));
  return records < limit ? limit : Math.min(BATCH_RECORDS_MAX, limit * 2);
}
