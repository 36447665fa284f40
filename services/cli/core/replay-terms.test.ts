// Goal: a replay is judged as the shadow of the same version was, and its progress says no more than is known.

import { describe, expect, it } from 'vitest';
import { progressText, tolerancesOnRecord } from './replay-terms.ts';

const within = (atol: number) => [{ output: '*', atol, rtol: 0 }];
const runOf = (run: string, tolerances: ReturnType<typeof within>) => ({ report: { run }, tolerances });

describe('tolerances', () => {
  const runs = [
    runOf('live', []),
    runOf('a-8/5', within(5)),
    runOf('a-7/9', within(9)),
    runOf('a-6/9', within(1)),
    runOf('a-5/19', within(3)),
  ];

  it('are those of the newest run of the candidate', () => {
    expect(tolerancesOnRecord(runs, 9)).toEqual(within(9));
  });

  it('are those of the newest run of any shadow where the candidate had none', () => {
    expect(tolerancesOnRecord(runs, 4)).toEqual(within(5));
  });

  it('are none where nothing was shadowed', () => {
    expect(tolerancesOnRecord([runOf('live', [])], 9)).toEqual([]);
  });
});

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
