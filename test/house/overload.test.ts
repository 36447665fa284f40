// Goal: an overload run that was none, or that lost, kept or grew something, does not pass.
// Method: a good report, and the same with one thing wrong.

import { describe, expect, it } from 'vitest';
import type { FloodReport } from '../overload/flood.ts';
import { memoryFigures } from '../overload/memory.ts';
import { neighbourReport, type Pair } from '../overload/neighbour.ts';
import { exitCodeOf, floodProblems, neighbourProblems } from '../overload/report.ts';
import { figureOf } from '../overload/window.ts';

const good: FloodReport = {
  ...{
    capacityPerSecond: 4_000,
    capacityAfterPerSecond: 4_200,
    offeredPerSecond: 8_000,
    answeredPerSecond: 3_500,
    seconds: 120,
  },
  ...{ requests: 1_000_000, answered: 1_000_000, lost: 0, duplicated: 0, wrongVersion: 0 },
  ...{ lagEarly: 40_000, lagEnd: 500_000, lagDrained: 0, drainSeconds: 130 },
  memory: [{ process: 'router-1', earlyMb: 180, lateMb: 190, flat: true }],
};

it('finds nothing wrong with a good run', () => expect(floodProblems(good)).toEqual([]));

it.each<[string, Partial<FloodReport>, RegExp]>([
  ['a request is lost', { lost: 1 }, /lost is 1/],
  ['one is answered twice', { duplicated: 1 }, /duplicated is 1/],
  ['one has no answer', { answered: 999_999 }, /999999 of 1000000/],
  ['some still wait', { lagDrained: 3 }, /3 requests still wait/],
  ['nothing queued up', { lagEnd: 100, lagEarly: 100 }, /lag did not grow: 100 of 960000/],
  ['as much was answered as came', { answeredPerSecond: 5_400 }, /no overload: 8000 offered, 5400 answered/],
  ['no more came than it takes', { offeredPerSecond: 5_500, answeredPerSecond: 1_000 }, /5500 offered, 4000 taken/],
  ['nobody looked at memory', { memory: [] }, /not sampled/],
  [
    'memory grew',
    { memory: [{ process: 'scorer-2', earlyMb: 400, lateMb: 900, flat: false }] },
    /scorer-2 grew from 400 to 900/,
  ],
])('says so when %s', (_, wrong, problem) => {
  expect(floodProblems({ ...good, ...wrong })).toContainEqual(expect.stringMatching(problem));
});

it('holds what was offered against what it takes in the end, when that is less', () =>
  expect(floodProblems({ ...good, capacityPerSecond: 6_000 })).toEqual([]));

it('tells memory that grows from memory that swings', () => {
  const of = (values: readonly number[]) => memoryFigures(values.map((mb) => new Map([['router', mb]])));
  expect(of([300, 200, 310, 220, 320, 240])).toMatchObject([{ earlyMb: 300, lateMb: 320, flat: true }]);
  expect(of([300, 320, 400, 500, 600, 700])).toMatchObject([{ flat: false }]);
  expect(of([300, 320])).toEqual([]);
});

describe('a window', () => {
  const sentAt = new Map([1, 2, 3, 4].map((n) => [`w-${n}`, 100]));
  const answer = (n: number, atMs: number, more = {}) => ({
    ...{ key: `w-${n}`, atMs, version: '1', rescued: false },
    ...more,
  });

  it('times what the incumbent was asked, however late, and not what the candidate was', () => {
    const rescued = answer(2, 9_000, { rescued: true });
    const answers = [answer(1, 110), rescued, answer(3, 9_500, { version: '4' }), answer(4, 7_100), answer(1, 8_000)];
    expect(figureOf(sentAt, answers)).toEqual({ p99Ms: 7_000, unanswered: 0 });
  });

  it('misses every request that nobody answered', () => {
    expect(figureOf(sentAt, [answer(1, 110), answer(1, 120), answer(9, 120)])).toEqual({ p99Ms: 10, unanswered: 3 });
  });
});

describe('beside a candidate that ails', () => {
  const pair = (alone: number, beside: number, again: number, unanswered = 0): Pair => {
    const window = (p99Ms: number) => ({ p99Ms, unanswered: 0 });
    return { alone: window(alone), beside: { p99Ms: beside, unanswered }, again: window(again) };
  };
  const judged = (...pairs: Pair[]) => {
    const report = neighbourReport('hangs', pairs);
    return [report.verdict, neighbourProblems([report]).length, exitCodeOf(neighbourProblems([report]), [report])];
  };
  const good = pair(10, 11, 10);

  it('the incumbent is as fast as alone', () => expect(judged(good, good, good)).toEqual(['met', 0, 0]));

  it('or is not, on a machine that is even', () => {
    expect(judged(...Array.from({ length: 3 }, () => pair(10, 13, 10)))).toEqual(['missed', 1, 1]);
  });

  it('or nobody can tell, and then the command does not say that it is', () => {
    expect(judged(...Array.from({ length: 3 }, () => pair(10, 25, 15)))).toEqual(['inconclusive', 0, 3]);
  });

  it('no request is without an answer, however few the pairs and fast the others', () => {
    expect(judged(good, good, pair(10, 10, 10, 1))).toEqual(['missed', 1, 1]);
    expect(judged(pair(10, 10, 10, 1))).toEqual(['missed', 1, 1]);
  });

  it('or slower while traffic moves, which has no bar', () => {
    const report = neighbourReport('rolls', [pair(10, 15, 10), pair(10, 15, 10), pair(10, 15, 10)]);
    expect([report.ratio, report.verdict]).toEqual([1.5, 'answered']);
    expect(neighbourReport('rolls', [pair(10, 15, 10, 1)]).verdict).toBe('missed');
  });

  it('one pair says nothing of times', () => expect(judged(pair(10, 90, 10))).toEqual(['answered', 0, 0]));
});
