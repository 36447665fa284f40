// Goal: what a histogram says is right within its promise: counts at edges exactly, quantiles within 1 %, for either sign.
// Method: random numbers over 21 orders of magnitude, against sorting them and counting them one by one.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  absolute,
  addValue,
  bucketsOf,
  countAbove,
  countOf,
  edgeOf,
  emptyHistogram,
  type Histogram,
  histogramSchema,
  mergeHistograms,
  middleOf,
  PLACE_MAX,
  placeOf,
  quantile,
} from './histogram.ts';

const place = fc.integer({ min: -PLACE_MAX + 1, max: PLACE_MAX - 1 });
/** Edges and their neighbours among the doubles, where a logarithm alone would err. */
const edges = fc.tuple(place, fc.constantFrom(-1, 0, 1)).map(([at, step]) => edgeOf(at) * (1 + step * Number.EPSILON));
const spread = fc
  .tuple(fc.double({ min: -8.9, max: 11.9, noNaN: true }), fc.boolean())
  .map(([exponent, isNegative]) => (isNegative ? -1 : 1) * 10 ** exponent);
const value = fc.oneof(spread, edges, fc.double({ min: -1, max: 1, noNaN: true }), fc.constantFrom(0, -0));
const values = fc.array(value, { maxLength: 200 });

function histogramOf(of: readonly number[]): Histogram {
  const histogram = emptyHistogram();
  for (const one of of) addValue(histogram, one);
  return histogram;
}

describe('a histogram', () => {
  it('of two parts merged is that of the whole, and leaves its parts alone', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const parts = [histogramOf(a), histogramOf(b)] as const;
        expect(mergeHistograms(...parts)).toEqual(histogramOf([...b, ...a]));
        expect(parts).toEqual([histogramOf(a), histogramOf(b)]);
      }),
    );
  });

  it('puts every number between the edges of its bucket', () => {
    fc.assert(
      fc.property(value, (one) => {
        const [bucket] = bucketsOf(histogramOf([one]));
        expect(bucket).toEqual({ place: placeOf(one), count: 1 });
        expect(one).toBeGreaterThan(edgeOf(placeOf(one) - 1));
        expect(one).toBeLessThanOrEqual(edgeOf(placeOf(one)));
      }),
      { numRuns: 1_000 },
    );
  });

  it('has every edge as the largest number of its bucket', () => {
    for (let at = -PLACE_MAX + 1; at < PLACE_MAX; at++) {
      expect(placeOf(edgeOf(at))).toBe(at);
      expect(placeOf(edgeOf(at) + Math.abs(edgeOf(at)) * Number.EPSILON)).toBe(at + 1);
    }
  });

  it('counts exactly what lies above an edge', () => {
    fc.assert(
      fc.property(values, place, (of, at) => {
        expect(countAbove(histogramOf(of), at)).toBe(of.filter((one) => one > edgeOf(at)).length);
      }),
    );
  });

  it('gives quantiles that are at most 1 % away from those of the sorted numbers', () => {
    const q = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 0.5, 0.99, 1));
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 200 }), q, (of, share) => {
        const exact = [...of].sort((a, b) => a - b)[Math.max(1, Math.ceil(share * of.length)) - 1] ?? Number.NaN;
        const found = quantile(histogramOf(of), share) ?? Number.NaN;
        expect(Math.abs(found - exact)).toBeLessThanOrEqual(0.01 * Math.abs(exact) * (1 + 1e-9) + 1e-9);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps negative numbers when it is merged (sketches-js #22)', () => {
    const numbers = Array.from({ length: 1_000 }, (_, i) => -(i + 1));
    const [even, odd] = [0, 1].map((rest) => histogramOf(numbers.filter((one) => -one % 2 === rest)));
    const merged = mergeHistograms(even ?? emptyHistogram(), odd ?? emptyHistogram());
    expect(countOf(merged)).toBe(1_000);
    expect(quantile(merged, 0.5)).toBeCloseTo(-501, -1);
  });

  it('mirrors: the quantile of the negated numbers is the negated one, and signs can be dropped', () => {
    const numbers = Array.from({ length: 999 }, (_, i) => (i + 1) / 7);
    const [plain, negated] = [histogramOf(numbers), histogramOf(numbers.map((one) => -one))];
    expect(quantile(negated, 0.5)).toBe(-(quantile(plain, 0.5) ?? 0));
    expect(absolute(mergeHistograms(plain, negated)).positive).toEqual(mergeHistograms(plain, plain).positive);
  });

  it('counts numbers beyond its edges in its last buckets, and nothing for what is no number', () => {
    const far = histogramOf([Number.POSITIVE_INFINITY, 1e300, Number.NEGATIVE_INFINITY, Number.NaN, 1e-12, -1e-12]);
    expect(far).toEqual({ zero: 2, positive: { [PLACE_MAX]: 2 }, negative: { [PLACE_MAX]: 1 } });
    expect(edgeOf(PLACE_MAX)).toBeGreaterThan(1e12);
    expect(middleOf(0)).toBe(0);
    expect(quantile(emptyHistogram(), 0.5)).toBeNull();
  });

  it('survives JSON and is checked: no other places, no other counts', () => {
    fc.assert(
      fc.property(values, (of) => {
        const histogram = histogramOf(of);
        expect(histogramSchema.parse(JSON.parse(JSON.stringify(histogram)))).toEqual(histogram);
      }),
    );
    for (const positive of [{ 0: 1 }, { [PLACE_MAX + 1]: 1 }, { '01': 1 }, { 5: -1 }, { 5: 0.5 }, { x: 1 }]) {
      expect(histogramSchema.safeParse({ zero: 0, positive, negative: {} }).success).toBe(false);
    }
  });
});
