// Goal: an overload run that was none, or that lost, kept or grew something, does not pass.
// Method: a good report, and the same with one thing wrong.

import { expect, it } from 'vitest';
import type { FloodReport } from '../overload/flood.ts';
import { memoryFigures } from '../overload/memory.ts';
import { floodProblems } from '../overload/report.ts';

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
