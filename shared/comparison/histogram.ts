// Histogram: counts of numbers in buckets whose edges grow by 2 %, for either sign: quantiles, shares above an edge, shapes.
// Flow: values → [addValue] → plain JSON of integers → [mergeHistograms] → quantiles, bars, drift.
// Terms: place = number of a bucket: 0 holds −1e-9 < x ≤ 1e-9, `n` holds EDGES[n−1] < x ≤ EDGES[n], −n the same below zero.
// Invariants: which bucket a value falls into is decided by comparing it with the edges, never by a logarithm alone: counts at
//             edges are exact, and the same on every machine. Merging adds counts, so no order changes anything.

import { z } from 'zod';

export interface Histogram {
  zero: number;
  /** Counts by place, 1 to PLACE_MAX. */
  readonly positive: Record<string, number>;
  /** Counts by place without its sign. */
  readonly negative: Record<string, number>;
}

/** One bucket that holds something. */
export interface Bucket {
  readonly place: number;
  readonly count: number;
}

/** Ratio of neighbouring edges: the middle of a bucket is at most 1 % away from anything in it. */
const GAMMA = 1.01 / 0.99;
/** Below it numbers count as zero; with 2418 buckets the last edge is above 1e12, and larger numbers count there. */
const EDGE_FIRST = 1e-9;
export const PLACE_MAX = 2_418;

/** Upper edges by place: by multiplication alone, which gives the same bits everywhere. */
const EDGES = new Float64Array(PLACE_MAX + 1);
for (let place = 0, edge = EDGE_FIRST; place <= PLACE_MAX; place++, edge *= GAMMA) EDGES[place] = edge;

const PLACES_PER_E = 1 / Math.log(GAMMA);
const PLACE_OF_ONE = -Math.log(EDGE_FIRST) * PLACES_PER_E;

const counts = z.record(
  z.string().refine((key) => /^[1-9]\d{0,3}$/.test(key) && Number(key) <= PLACE_MAX, 'no place of a histogram'),
  z.int().min(0),
);
export const histogramSchema = z.strictObject({ zero: z.int().min(0), positive: counts, negative: counts });

export function emptyHistogram(): Histogram {
  return { zero: 0, positive: {}, negative: {} };
}

/** Counts `value`; what is not a number is not counted. */
export function addValue(histogram: Histogram, value: number): void {
  if (value > EDGE_FIRST) {
    const place = placeAbove(value);
    histogram.positive[place] = (histogram.positive[place] ?? 0) + 1;
  } else if (value <= -EDGE_FIRST) {
    const place = placeBelow(-value);
    histogram.negative[place] = (histogram.negative[place] ?? 0) + 1;
  } else if (value > -EDGE_FIRST) {
    histogram.zero += 1;
  }
}

/** A new histogram; neither argument is changed. */
export function mergeHistograms(a: Histogram, b: Histogram): Histogram {
  return {
    zero: a.zero + b.zero,
    positive: mergeCounts(a.positive, b.positive),
    negative: mergeCounts(a.negative, b.negative),
  };
}

/**
 * The same counts in places that are 2^level as wide, each under a place in its middle: numbers read from it are up to half of
 * that width away. Wide places consist of narrower ones, so that they may be made at any time.
 * Source: uniform collapsing, I. Epicoco et al., UDDSketch: accurate tracking of quantiles in data streams, 2020.
 */
export function coarserHistogram({ zero, positive, negative }: Histogram, level: number): Histogram {
  const width = 2 ** level;
  const collapsed = (of: Readonly<Record<string, number>>) => {
    const wide: Record<string, number> = {};
    for (const key of Object.keys(of)) {
      const place = Math.min(PLACE_MAX, Math.floor(Number(key) / width) * width + width / 2);
      wide[place] = (wide[place] ?? 0) + (of[key] ?? 0);
    }
    return wide;
  };
  return { zero, positive: collapsed(positive), negative: collapsed(negative) };
}

/** Counts by key, added up. */
export function mergeCounts(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const merged = { ...a };
  for (const key of Object.keys(b)) merged[key] = (merged[key] ?? 0) + (b[key] ?? 0);
  return merged;
}

/** Sum of counts. */
export function totalOf(of: Readonly<Record<string, number>>): number {
  let total = 0;
  for (const key of Object.keys(of)) total += of[key] ?? 0;
  return total;
}

/** Numbers that were counted. */
export function countOf({ zero, positive, negative }: Histogram): number {
  return zero + totalOf(positive) + totalOf(negative);
}

/** The buckets that hold something, ascending. */
export function bucketsOf({ zero, positive, negative }: Histogram): Bucket[] {
  const side = (of: Record<string, number>, sign: 1 | -1) =>
    Object.keys(of)
      .map((key) => ({ place: sign * Number(key), count: of[key] ?? 0 }))
      .filter(({ count }) => count > 0)
      .sort((a, b) => a.place - b.place);
  const middle = zero > 0 ? [{ place: 0, count: zero }] : [];
  return [...side(negative, -1), ...middle, ...side(positive, 1)];
}

/** Upper edge of a place: all of its numbers are at most that, and those of the next place above it. */
export function edgeOf(place: number): number {
  return place >= 0 ? edge(place) : -edge(-place - 1);
}

/** The number that stands for a bucket: at level 0 at most 1 % away from any in it. */
export function middleOf(place: number): number {
  if (place === 0) return 0;
  const far = edge(Math.abs(place));
  const near = edge(Math.abs(place) - 1);
  return (Math.sign(place) * (2 * far * near)) / (far + near);
}

/** Place whose bucket a number falls into. */
export function placeOf(value: number): number {
  if (value > EDGE_FIRST) return placeAbove(value);
  return value <= -EDGE_FIRST ? -placeBelow(-value) : 0;
}

/** How many numbers lie above the upper edge of `place`: exact. */
export function countAbove(histogram: Histogram, place: number): number {
  let above = 0;
  for (const bucket of bucketsOf(histogram)) if (bucket.place > place) above += bucket.count;
  return above;
}

/**
 * The smallest number that at least the share `q` (0..1) of the numbers does not exceed, at level 0 within 1 % of itself, or 1e-9;
 * null when nothing was counted.
 */
export function quantile(histogram: Histogram, q: number): number | null {
  const rank = Math.max(1, Math.ceil(q * countOf(histogram)));
  let seen = 0;
  for (const { place, count } of bucketsOf(histogram)) {
    seen += count;
    if (seen >= rank) return middleOf(place);
  }
  return null;
}

/** The histogram of the numbers without their signs. */
export function absolute({ zero, positive, negative }: Histogram): Histogram {
  return { zero, positive: mergeCounts(positive, negative), negative: {} };
}

function edge(place: number): number {
  return EDGES[place] ?? Number.POSITIVE_INFINITY;
}

/** Place of a number above zero: the guess of the logarithm, set right by the edges. */
function placeAbove(value: number): number {
  const place = guess(value);
  if (place < PLACE_MAX && value > edge(place)) return place + 1;
  return value <= edge(place - 1) ? place - 1 : place;
}

/** The same for the distance of a number below zero, whose buckets hold their far edge's neighbour instead of the edge. */
function placeBelow(distance: number): number {
  const place = guess(distance);
  if (place < PLACE_MAX && distance >= edge(place)) return place + 1;
  return distance < edge(place - 1) ? place - 1 : place;
}

function guess(distance: number): number {
  return Math.min(PLACE_MAX, Math.max(1, Math.ceil(Math.log(distance) * PLACES_PER_E + PLACE_OF_ONE)));
}
