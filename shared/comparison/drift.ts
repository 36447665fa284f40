// Drift: how far two distributions are from one another, from counts alone.
// Flow: histograms or class counts of both sides → [driftOf, mixDriftOf, kappaOf] → report.
// Invariants: a baseline against itself has no distance; without enough data there is no figure instead of a wrong one.
//             PSI and JS are over bins at the baseline's deciles, KS and W1 over all buckets.

import { type Bucket, bucketsOf, countOf, type Histogram, middleOf, totalOf } from './histogram.ts';
import type { Drift } from './report.ts';

export type Counts = Readonly<Record<string, number>>;

const BINS = 10;
/** Answers per bin and side below which PSI says more about chance than about the model: P(PSI > 0.1) is 5 % at 20. */
const COUNT_PER_BIN_MIN = 50;
/** Stands for an empty bin, of which a logarithm knows nothing. */
const COUNT_OF_NONE = 0.5;

/** Distances of `candidate` from `baseline`. */
export function driftOf(baseline: Histogram, candidate: Histogram): Drift {
  const pair = { baseline: bucketsOf(baseline), candidate: bucketsOf(candidate) };
  if (pair.baseline.length === 0 || pair.candidate.length === 0) return { psi: null, js: null, ks: null, w1: null };
  const edges = decilesOf(pair.baseline, countOf(baseline));
  const binned = distancesOf(binnedBy(edges, pair.baseline), binnedBy(edges, pair.candidate));
  return { ...binned, ...steps(pair, countOf(baseline), countOf(candidate)) };
}

/** Distances of class counts; every class that either side has is a bin. */
export function mixDriftOf(baseline: Counts, candidate: Counts): Pick<Drift, 'psi' | 'js'> {
  const classes = [...new Set([...Object.keys(baseline), ...Object.keys(candidate)])].sort();
  const column = (counts: Counts) => classes.map((name) => counts[name] ?? 0);
  return distancesOf(column(baseline), column(candidate));
}

/**
 * Cohen's kappa: agreement beyond that of chance, 1 full, 0 that of chance; null without rows, and when chance alone would
 * agree always. Source: J. Cohen, A coefficient of agreement for nominal scales, 1960.
 * @param same rows of the confusion matrix's diagonal
 * @param live its row sums, and `shadow` its column sums, by class
 */
export function kappaOf({ same, live, shadow }: { same: number; live: Counts; shadow: Counts }): number | null {
  const rows = totalOf(live);
  let byChance = 0;
  for (const name of Object.keys(live)) byChance += (live[name] ?? 0) * (shadow[name] ?? 0);
  const possible = rows * rows - byChance;
  return possible <= 0 ? null : (same * rows - byChance) / possible;
}

/** Places whose upper edges part the baseline in ten. A bucket that holds a decile twice is a bin of its own. */
function decilesOf(baseline: readonly Bucket[], count: number): number[] {
  const edges = new Set<number>();
  let seen = 0;
  for (const { place, count: here } of baseline) {
    const before = decilesUpTo(seen, count);
    seen += here;
    const deciles = decilesUpTo(seen, count) - before;
    if (deciles > 1) edges.add(place - 1);
    if (deciles > 0) edges.add(place);
  }
  return [...edges].sort((a, b) => a - b);
}

function decilesUpTo(seen: number, count: number): number {
  return Math.min(BINS - 1, Math.floor((seen * BINS) / count));
}

/** Counts between the edges; the first and the last bin are open. */
function binnedBy(edges: readonly number[], buckets: readonly Bucket[]): number[] {
  const bins = new Array<number>(edges.length + 1).fill(0);
  let bin = 0;
  for (const { place, count } of buckets) {
    while (bin < edges.length && place > (edges[bin] ?? 0)) bin += 1;
    bins[bin] = (bins[bin] ?? 0) + count;
  }
  return bins;
}

/** PSI net of its noise floor (B − 1)(1/n + 1/m), at least 0; JS distance to the base 2, 0..1. Bins empty on both sides do not count. */
function distancesOf(baseline: readonly number[], candidate: readonly number[]): Pick<Drift, 'psi' | 'js'> {
  const bins = baseline.map((n, bin) => ({ n, m: candidate[bin] ?? 0 })).filter(({ n, m }) => n + m > 0);
  const total = (of: 'n' | 'm') => bins.reduce((sum, bin) => sum + bin[of], 0);
  const [n, m] = [total('n'), total('m')];
  if (bins.length === 0 || Math.min(n, m) < COUNT_PER_BIN_MIN * bins.length) return { psi: null, js: null };
  let psi = 0;
  let divergence = 0;
  for (const bin of bins) {
    const [p, q] = [bin.n / n, bin.m / m];
    const [a, b] = [Math.max(bin.n, COUNT_OF_NONE) / n, Math.max(bin.m, COUNT_OF_NONE) / m];
    psi += (b - a) * Math.log(b / a);
    divergence += (bits(p, (p + q) / 2) + bits(q, (p + q) / 2)) / 2;
  }
  const floor = (bins.length - 1) * (1 / n + 1 / m);
  return { psi: Math.max(0, psi - floor), js: Math.sqrt(Math.min(1, Math.max(0, divergence))) };
}

function bits(share: number, of: number): number {
  return share === 0 ? 0 : share * Math.log2(share / of);
}

/**
 * KS: the largest difference of the cumulative shares, exact at edges. W1: the area between them, in standard deviations of
 * the baseline; null for a constant baseline.
 */
function steps(
  pair: { readonly baseline: readonly Bucket[]; readonly candidate: readonly Bucket[] },
  n: number,
  m: number,
): Pick<Drift, 'ks' | 'w1'> {
  const moves = new Map<number, number>();
  for (const { place, count } of pair.baseline) moves.set(place, count / n);
  for (const { place, count } of pair.candidate) moves.set(place, (moves.get(place) ?? 0) - count / m);
  let [ks, area, apart, last] = [0, 0, 0, 0];
  for (const [place, move] of [...moves].sort(([a], [b]) => a - b)) {
    const middle = middleOf(place);
    area += Math.abs(apart) * (middle - last);
    apart += move;
    last = middle;
    ks = Math.max(ks, Math.abs(apart));
  }
  const sigma = deviationOf(pair.baseline, n);
  return { ks: Math.min(1, ks), w1: sigma === 0 ? null : area / sigma };
}

function deviationOf(buckets: readonly Bucket[], count: number): number {
  if (buckets.length === 1) return 0;
  const mean = buckets.reduce((sum, bucket) => sum + middleOf(bucket.place) * bucket.count, 0) / count;
  const squares = buckets.reduce((sum, bucket) => sum + (middleOf(bucket.place) - mean) ** 2 * bucket.count, 0);
  return Math.sqrt(squares / count);
}
