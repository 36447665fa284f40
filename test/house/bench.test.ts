// Goal: a bench does not call a bar met that its run could not have seen missed.
// Method: samples with latencies made up, one for each repeat and series.

import { expect, it } from 'vitest';
import { barResult, renderTables, type Sample } from '../bench/report.ts';
import { steadyMs } from '../bench/shadow/flood.ts';

const BAR = {
  words: 'p99 with a shadow',
  ...({
    of: 'shadow',
    to: 'none',
    twins: { of: 'again', to: 'none' },
    figure: 'p99Ms',
    better: 'lower',
    limit: 1.1,
  } as const),
};
const STEADY = [1, 1.01, 0.99, 1, 1.02, 0.98, 1];

/** p99 of the series in each repeat, where that of `none` is 10 ms. */
function samplesOf(shadow: readonly number[], again: readonly number[]): Sample[] {
  const of = (series: string, ratios: readonly number[]) =>
    ratios.map((ratio, repeat) => ({
      ...{ series, repeat, throughput: null },
      latency: { p50Ms: 1, p99Ms: 10 * ratio, samples: 1 },
    }));
  return [
    ...of(
      'none',
      shadow.map(() => 1),
    ),
    ...of('shadow', shadow),
    ...of('again', again),
  ];
}

const verdictOf = (shadow: readonly number[], again: readonly number[]) =>
  barResult(BAR, samplesOf(shadow, again)).verdict;

it('meets a bar by the median, where two that are the same are the same', () => {
  expect(verdictOf([1, 1, 1.05, 1.09, 1.3, 1.4, 1.05], STEADY)).toBe('met');
  expect(verdictOf([1, 1.2, 1.2, 1.2, 1.2, 1, 1], STEADY)).toBe('missed');
});

it('cannot tell where a quarter of the repeats of two that are the same differ by more than the bar', () => {
  expect(verdictOf(STEADY, [1, 1, 1, 1.5, 1.5, 1, 1])).toBe('inconclusive');
  expect(verdictOf(STEADY, [1, 1, 1, 0.5, 0.5, 1, 1])).toBe('inconclusive');
  expect(verdictOf(STEADY, [1, 1, 1, 1.5, 1, 1, 1])).toBe('met');
});

it('takes the mean of several series of a repeat as the reference', () => {
  const bar = { ...BAR, to: ['none', 'again'] };
  expect(barResult(bar, samplesOf([3, 3], [2, 1])).ratios).toEqual([2, 3]);
});

it('cannot tell from fewer than seven repeats', () => {
  expect(verdictOf(STEADY.slice(1), STEADY.slice(1))).toBe('inconclusive');
});

it('shows how far two that are the same are apart', () => {
  const text = renderTables([], [barResult(BAR, samplesOf(STEADY, STEADY))]);
  expect(text).toContain('| the same of two that are the same | 1.00 | 0.98–1.02 | – | |');
});

it('takes the speed of a flood from where it is under way, not from its first and last tenth', () => {
  const looks = (seconds: readonly number[], offsets: readonly number[]) =>
    seconds.map((second, at) => ({ atMs: second * 1_000, offsets: offsets[at] ?? 0 }));
  expect(steadyMs(looks([0, 10], [0, 100]))).toBeCloseTo(8_000);
  // A second of joining before, and a last partition that takes three times as long.
  expect(steadyMs(looks([0, 1, 2, 10, 13], [500, 500, 510, 590, 600]))).toBeCloseTo(8_000);
  expect(steadyMs(looks([0, 4, 8], [0, 50, 100]))).toBeCloseTo(6_400);
});
