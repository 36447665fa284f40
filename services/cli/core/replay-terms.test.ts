// Goal: a replay is judged as the shadow of the same version was.

import { describe, expect, it } from 'vitest';
import { tolerancesOnRecord } from './replay-terms.ts';

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
