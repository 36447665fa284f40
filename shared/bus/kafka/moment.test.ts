// Goal: partitions are spread over an interval, and never wait for longer than it.

import { expect, test } from 'vitest';
import { nextMomentMs } from './moment.ts';

const INTERVAL_MS = 1_000;
const momentsOf = (partitions: number) =>
  Array.from({ length: partitions }, (_, partition) => nextMomentMs(partition, INTERVAL_MS, 0) % INTERVAL_MS);

test.each([
  [6, 6],
  [12, 12],
  [1_000, 16],
])('%i partitions have %i moments', (partitions, moments) => {
  expect(new Set(momentsOf(partitions)).size).toBe(moments);
});

test.each([0, 1, 499.5, 1_000, 1_700_000_000_123])('after %d the next is at most an interval away', (nowMs) => {
  for (let partition = 0; partition < 20; partition++) {
    const nextMs = nextMomentMs(partition, INTERVAL_MS, nowMs);
    expect(nextMs).toBeGreaterThan(nowMs);
    expect(nextMs).toBeLessThanOrEqual(nowMs + INTERVAL_MS);
    expect(nextMomentMs(partition, INTERVAL_MS, nextMs)).toBeCloseTo(nextMs + INTERVAL_MS, 3);
  }
});
