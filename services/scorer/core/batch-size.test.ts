// Goal: batches of a slow version become small, those of a fast one as large as they may, and both quickly.

import { expect, it } from 'vitest';
import { BATCH_RECORDS_FIRST, BATCH_RECORDS_MAX, BATCH_TARGET_MS, nextBatchLimit } from './batch-size.ts';

/** Limits of ten full batches, one after another, of a version that takes `msPerRecord`. */
function limits(msPerRecord: number, limit = BATCH_RECORDS_FIRST): number[] {
  const seen = [limit];
  for (let batch = 0; batch < 10; batch++) {
    const last = seen.at(-1) ?? limit;
    seen.push(nextBatchLimit(last, last, last * msPerRecord));
  }
  return seen;
}

it('grows to the largest batch while batches are quick', () => {
  expect(limits(0.1).slice(0, 6)).toEqual([32, 64, 128, 256, 512, 512]);
});

it.each([
  ['fast', 1],
  ['slow', 20],
  ['very slow', 400],
])('keeps batches of a %s version about as long as they should be', (_, msPerRecord) => {
  for (const limit of limits(msPerRecord).slice(1))
    expect(limit * msPerRecord).toBeLessThanOrEqual(2 * BATCH_TARGET_MS);
});

it('takes one record at a time of a version that needs longer for one than a batch should take', () => {
  expect(limits(5_000).at(-1)).toBe(1);
});

it('does not grow on batches that the limit did not bind, and never beyond the maximum', () => {
  expect(nextBatchLimit(64, 10, 5)).toBe(64);
  expect(nextBatchLimit(BATCH_RECORDS_MAX, BATCH_RECORDS_MAX, 5)).toBe(BATCH_RECORDS_MAX);
});
