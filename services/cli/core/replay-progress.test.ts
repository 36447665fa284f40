// Goal: the progress of a replay says no more than is known.

import { describe, expect, it } from 'vitest';
import { progressText } from './replay-progress.ts';

describe('progress', () => {
  it('is estimated from the rate so far, rounded up', () => {
    const text = progressText({ done: 300, total: 1_000, elapsedMs: 2_000 });
    expect(text).toBe('300 of 1000 requests, 150/s, 5 s to go');
  });

  it('is not estimated while nothing is done', () => {
    expect(progressText({ done: 0, total: 1_000, elapsedMs: 2_000 })).toBe('0 of 1000 requests');
  });

  it('ends with nothing to go', () => {
    const text = progressText({ done: 1_000, total: 1_000, elapsedMs: 4_000 });
    expect(text).toBe('1000 of 1000 requests, 250/s, 0 s to go');
  });
});
