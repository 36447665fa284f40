// Report: medians, ratios and bars of a bench run, as JSON and as the tables of docs/benchmarks.md.

import { type Latency, quantile, type Throughput } from './measure.ts';
import type { Bar, Series } from './series.ts';

export type Verdict = 'met' | 'missed' | 'inconclusive';

/** What one series gave in one repeat. */
export interface Sample {
  readonly series: string;
  readonly repeat: number;
  readonly throughput: Throughput | null;
  readonly latency: Latency | null;
}

export interface BarResult {
  readonly words: string;
  readonly ratio: number;
  /** Ratios of the single repeats, ascending. */
  readonly ratios: readonly number[];
  readonly limit: string;
  /** Of two series that are the same: their ratios in the single repeats, ascending; null for a bar without twins. */
  readonly twins: readonly number[] | null;
  readonly verdict: Verdict;
}

/** Ratios of fewer repeats show no spread. */
const TWIN_REPEATS_MIN = 7;

export interface SeriesResult {
  readonly name: string;
  readonly recordsPerSecond: number | null;
  readonly cpuMicrosPerRecord: number | null;
  readonly residentMegabytes: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** Medians of one series. */
export function seriesResult(series: Pick<Series, 'name'>, samples: readonly Sample[]): SeriesResult {
  const own = samples.filter((sample) => sample.series === series.name);
  const middle = (pick: (sample: Sample) => number | undefined) => {
    const values = own.map(pick).filter((value) => value !== undefined);
    return values.length === 0 ? null : median(values);
  };
  return {
    name: series.name,
    recordsPerSecond: middle((sample) => sample.throughput?.recordsPerSecond),
    cpuMicrosPerRecord: middle((sample) => sample.throughput?.cpuMicrosPerRecord),
    residentMegabytes: middle((sample) => sample.throughput?.residentMegabytes),
    p50Ms: middle((sample) => sample.latency?.p50Ms),
    p99Ms: middle((sample) => sample.latency?.p99Ms),
  };
}

/**
 * A bar against the samples: the median of the ratios within the same repeat. Where a quarter of the ratios of two that are the
 * same is as far from 1 as the bar, or nobody can tell, the run could not have seen the difference: it is not met, but inconclusive.
 */
export function barResult(bar: Bar, samples: readonly Sample[]): BarResult {
  const ratios = ratiosOf(bar, samples);
  const ratio = median(ratios);
  const met = bar.better === 'higher' ? ratio >= bar.limit : ratio <= bar.limit;
  const limit = `${bar.better === 'higher' ? '≥' : '≤'} ${bar.limit}`;
  const twins = bar.twins === undefined ? null : ratiosOf({ ...bar, ...bar.twins }, samples);
  const isSeen = twins === null || (twins.length >= TWIN_REPEATS_MIN && spreadOf(twins) <= factorOf(bar.limit));
  return { words: bar.words, ratio, ratios, limit, twins, verdict: !met ? 'missed' : isSeen ? 'met' : 'inconclusive' };
}

/** By which factor the outer quarters of ratios, ascending, are at least away from 1, whichever are further. */
function spreadOf(ratios: readonly number[]): number {
  return Math.max(factorOf(quantile(ratios, 0.25)), factorOf(quantile(ratios, 0.75)));
}

function factorOf(ratio: number): number {
  return Math.max(ratio, 1 / ratio);
}

/** Within the same repeat, ascending. */
function ratiosOf({ of, to, figure }: Pick<Bar, 'of' | 'to' | 'figure'>, samples: readonly Sample[]): number[] {
  const figures = (name: string) =>
    new Map(samples.filter(({ series }) => series === name).map((sample) => [sample.repeat, figureOf(sample, figure)]));
  const references = [to].flat().map(figures);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return [...figures(of)]
    .map(([repeat, value]) => (value ?? Number.NaN) / mean(references.map((each) => each.get(repeat) ?? Number.NaN)))
    .filter((ratio) => Number.isFinite(ratio))
    .sort((a, b) => a - b);
}

/** Markdown tables of a run. */
export function renderTables(
  series: readonly SeriesResult[],
  bars: readonly BarResult[],
  reference = 'the bare loop',
): string {
  const cell = (value: number | null, digits = 0) => (value === null ? '–' : value.toFixed(digits));
  const rows = series.map(
    (row) =>
      `| ${row.name} | ${cell(row.recordsPerSecond)} | ${cell(row.cpuMicrosPerRecord, 1)} | ${cell(row.p50Ms, 1)} | ${cell(row.p99Ms, 1)} | ${cell(row.residentMegabytes)} |`,
  );
  const range = (all: readonly number[]) => `${cell(all[0] ?? null, 2)}–${cell(all[all.length - 1] ?? null, 2)}`;
  const ratios = bars.flatMap(({ words, ratio, ratios: all, limit, twins, verdict }) => [
    `| ${words} | ${cell(ratio, 2)} | ${range(all)} | ${limit} | ${verdict === 'met' ? 'met' : `**${verdict}**`} |`,
    ...(twins === null
      ? []
      : [`| the same of two that are the same | ${cell(median(twins), 2)} | ${range(twins)} | – | |`]),
  ]);
  return [
    '| series | records/s | CPU-µs per record | p50 ms | p99 ms | resident MB |',
    '|---|---:|---:|---:|---:|---:|',
    ...rows,
    '',
    `| ratio to ${reference} | median | range | bar | |`,
    '|---|---:|---:|---:|---|',
    ...ratios,
    '',
  ].join('\n');
}

function figureOf(sample: Sample, figure: Bar['figure']): number | undefined {
  if (figure === 'p99Ms') return sample.latency?.p99Ms;
  if (figure === 'recordsPerCpuSecond')
    return sample.throughput === null ? undefined : 1e6 / sample.throughput.cpuMicrosPerRecord;
  return sample.throughput?.[figure];
}

/** Middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length % 2 === 1
    ? quantile(sorted, 0.5)
    : ((sorted[sorted.length / 2 - 1] ?? 0) + (sorted[sorted.length / 2] ?? 0)) / 2;
}
