// Drift: how far two distributions are from one another, from counts alone.
// Flow: histograms or class counts of both sides → [driftOf, mixDriftOf, kappaOf] → report.
// Invariants: a baseline against itself has no distance; without enough data there is no figure instead of a wrong one.
//             PSI and JS are over bins at the baseline's deciles, KS and W1 over all buckets. Each is net of what samples of
//             this size from one distribution would have on average, and at least 0.

import { type Bucket, bucketsOf, countOf, type Histogram, middleOf, totalOf } from './histogram.ts';
import type { Drift } from './report.ts';

export type Counts = Readonly<Record<string, number>>;

const BINS = 10;
/** Answers per bin and side below which PSI says more about chance than about the model: P(PSI > 0.1) is 5 % at 20. */
const COUNT_PER_BIN_MIN = 50;
/** √(π/2) ln 2: of √(nm / (n + m)) times the largest difference of two samples of one distribution. */
const KOLMOGOROV_MEAN = Math.sqrt(Math.PI / 2) * Math.LN2;
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

/**
 * PSI less (B − 1)(1/n + 1/m); JS distance, 0..1, the root of the divergence in bits less (B − 1)(1/n + 1/m) / (8 ln 2): both grow by
 * a χ² of B − 1 degrees from chance alone. Bins empty on both sides do not count. Sources: B. Yurdakul, Statistical properties of
 * population stability index, 2018; I. Grosse et al., Analysis of symbolic sequences using the Jensen-Shannon divergence, 2002.
 */
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
  const net = divergence - floor / (8 * Math.LN2);
  return { psi: Math.max(0, psi - floor), js: Math.sqrt(Math.min(1, Math.max(0, net))) };
}

function bits(share: number, of: number): number {
  return share === 0 ? 0 : share * Math.log2(share / of);
}

/**
 * KS, 0..1: the largest difference of the cumulative shares, exact at edges, less the mean of Kolmogorov's distribution. W1: the area
 * between them less that which chance makes, √(2/π) of the standard error of their difference at every place; in standard deviations
 * of the baseline, null for a constant one. Sources: G. Marsaglia, W. Tsang, J. Wang, Evaluating Kolmogorov's distribution, 2003;
 * E. del Barrio, E. Giné, C. Matrán, Central limit theorems for the Wasserstein distance, 1999.
 */
function steps(
  pair: { readonly baseline: readonly Bucket[]; readonly candidate: readonly Bucket[] },
  n: number,
  m: number,
): Pick<Drift, 'ks' | 'w1'> {
  const counts = new Map(pair.baseline.map(({ place, count }) => [place, { ours: count, theirs: 0 }]));
  for (const { place, count } of pair.candidate)
    counts.set(place, { ours: counts.get(place)?.ours ?? 0, theirs: count });
  let [ks, area, chance, ours, theirs, last] = [0, 0, 0, 0, 0, 0];
  for (const [place, here] of [...counts].sort(([a], [b]) => a - b)) {
    const middle = middleOf(place);
    const [f, g] = [ours / n, theirs / m];
    area += Math.abs(f - g) * (middle - last);
    chance += Math.sqrt((f * (1 - f)) / n + (g * (1 - g)) / m) * (middle - last);
    ours += here.ours;
    theirs += here.theirs;
    last = middle;
    ks = Math.max(ks, Math.abs(ours / n - theirs / m));
  }
  const sigma = deviationOf(pair.baseline, n);
  const net = Math.max(0, area - Math.sqrt(2 / Math.PI) * chance);
  return { ks: Math.max(0, ks - KOLMOGOROV_MEAN * Math.sqrt(1 / n + 1 / m)), w1: sigma === 0 ? null : net / sigma };
}

function deviationOf(buckets: readonly Bucket[], count: number): number {
  if (buckets.length === 1) return 0;
  const mean = buckets.reduce((sum, bucket) => sum + middleOf(bucket.place) * bucket.count, 0) / count;
  const squares = buckets.reduce((sum, bucket) => sum + (middleOf(bucket.place) - mean) ** 2 * bucket.count, 0);
  return Math.sqrt(squares / count);
}
