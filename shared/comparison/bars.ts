// Bars: two histograms as one picture: a few bars with the same edges for both sides.
// Invariant: edges are edges of buckets, so that every count is exact; no number is left out.

import { bucketsOf, countAbove, edgeOf, type Histogram, placeOf } from './histogram.ts';
import type { Bars } from './report.ts';

const BARS = 16;
/** Numbers above zero that differ by more than that are shown on a logarithmic scale. */
const RATIO_LINEAR_MAX = 100;

export function barsOf(live: Histogram, shadow: Histogram): Bars {
  const places = [...bucketsOf(live), ...bucketsOf(shadow)].map(({ place }) => place);
  const first = places.reduce((least, place) => Math.min(least, place), Number.POSITIVE_INFINITY) - 1;
  const last = places.reduce((most, place) => Math.max(most, place), Number.NEGATIVE_INFINITY);
  if (last < first) return { edges: [], live: [], shadow: [] };
  const edges = edgesBetween(first, last);
  const counts = (side: Histogram) => {
    const above = edges.map((place) => countAbove(side, place));
    return above.slice(1).map((count, bar) => (above[bar] ?? 0) - count);
  };
  return { edges: edges.map(edgeOf), live: counts(live), shadow: counts(shadow) };
}

/** Places from `first` to `last`, both among them, in steps that look even. */
function edgesBetween(first: number, last: number): number[] {
  const [low, high] = [edgeOf(first), edgeOf(last)];
  const isWide = low > 0 && high / low > RATIO_LINEAR_MAX;
  const inner = Array.from({ length: BARS - 1 }, (_, bar) => {
    const share = (bar + 1) / BARS;
    return isWide ? Math.round(first + share * (last - first)) : placeOf(low + share * (high - low));
  });
  const between = inner.filter((place) => place > first && place < last);
  return [...new Set([first, ...between, last])].sort((a, b) => a - b);
}
