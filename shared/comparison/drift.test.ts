// Goal: distances are those of the textbook where it can be worked out by hand, and keep its properties where it cannot.
// Method: two bins and small matrices by hand; random samples for bounds, symmetry and the noise of equal distributions.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seeded } from '../../test/sim/random.ts';
import { driftOf, kappaOf, mixDriftOf } from './drift.ts';
import { addValue, emptyHistogram, type Histogram } from './histogram.ts';

function histogramOf(of: Iterable<number>): Histogram {
  const histogram = emptyHistogram();
  for (const one of of) addValue(histogram, one);
  return histogram;
}

function* uniform(count: number, from: number, to: number) {
  for (let i = 0; i < count; i++) yield from + ((i + 0.5) / count) * (to - from);
}

const DISTANCES = ['psi', 'js', 'ks', 'w1'] as const;

/** Standard normal numbers, by Box and Muller. */
function normalFrom(random: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

const sample = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 500, maxLength: 700 });

describe('the distance of class mixes', () => {
  it('is the textbook’s PSI and its JS distance to the base 2, each less what chance makes', () => {
    const { psi, js } = mixDriftOf({ 0: 500, 1: 500 }, { 0: 800, 1: 200 });
    expect(psi).toBeCloseTo(0.3 * Math.log(1.6) - 0.3 * Math.log(0.4) - 2 / 1_000, 12);
    const kl = (p: number, m: number) => p * Math.log2(p / m);
    const divergence = (kl(0.5, 0.65) + kl(0.5, 0.35) + kl(0.8, 0.65) + kl(0.2, 0.35)) / 2;
    expect(js).toBeCloseTo(Math.sqrt(divergence - 2 / 1_000 / (8 * Math.LN2)), 12);
  });

  it('is 0 between equals, nearly 1 by JS between mixes with nothing in common, and finite by PSI', () => {
    expect(mixDriftOf({ 0: 500, 1: 700 }, { 0: 500, 1: 700 })).toEqual({ psi: 0, js: 0 });
    const apart = mixDriftOf({ 0: 500 }, { 1: 500 });
    expect(apart.js).toBeCloseTo(1, 3);
    expect(apart.psi).toBeGreaterThan(5);
    expect(apart.psi).toBeLessThan(100);
  });

  it('is not told from less than 50 rows per class and side', () => {
    expect(mixDriftOf({ 0: 50, 1: 49 }, { 0: 500, 1: 500 })).toEqual({ psi: null, js: null });
    expect(mixDriftOf({ 0: 500, 1: 500 }, { 0: 50, 1: 49 })).toEqual({ psi: null, js: null });
    expect(mixDriftOf({ 0: 50, 1: 50 }, { 0: 50, 1: 50 })).toEqual({ psi: 0, js: 0 });
    expect(mixDriftOf({}, {})).toEqual({ psi: null, js: null });
  });
});

describe('the distance of distributions', () => {
  it('is nothing between equals', () => {
    fc.assert(
      fc.property(sample, (of) => {
        expect(driftOf(histogramOf(of), histogramOf(of))).toMatchObject({ psi: 0, js: 0, ks: 0, w1: 0 });
      }),
      { numRuns: 30 },
    );
  });

  it('is by KS and W1 what it is by hand for shifted uniforms', () => {
    // Uniform on 1..2, shifted by a quarter: KS 0.25, W1 0.25, sigma 1/√12.
    const { ks, w1, psi } = driftOf(histogramOf(uniform(20_000, 1, 2)), histogramOf(uniform(20_000, 1.25, 2.25)));
    expect(ks).toBeCloseTo(0.25, 1);
    expect(w1).toBeCloseTo(0.25 * Math.sqrt(12), 1);
    expect(psi).toBeGreaterThan(0.25);
  });

  it('is by KS 1 less chance and by W1 the distance in deviations when the samples do not overlap', () => {
    const { ks, w1, js } = driftOf(histogramOf(uniform(1_000, 1, 2)), histogramOf(uniform(1_000, 11, 12)));
    expect(ks).toBeCloseTo(1 - 0.8687 * Math.sqrt(2 / 1_000), 4);
    expect(w1).toBeCloseTo(10 * Math.sqrt(12), 0);
    expect(js).toBeGreaterThan(0.9);
  });

  it('has no distance from chance alone: what is left of it is as small as its spread', () => {
    const [normal, samples] = [normalFrom(seeded(1)), 400];
    const sums = { psi: 0, js: 0, ks: 0, w1: 0 };
    for (let sample = 0; sample < samples; sample++) {
      const [ours, theirs] = [1_000, 700].map((size) => histogramOf(Array.from({ length: size }, normal)));
      if (ours === undefined || theirs === undefined) throw new RangeError('two samples');
      const drift = driftOf(ours, theirs);
      for (const name of DISTANCES) sums[name] += (drift[name] ?? Number.NaN) / samples;
    }
    // With what chance makes, JS, KS and W1 are 0.062, 0.042 and 0.063 on average.
    expect(sums.psi).toBeLessThan(0.006);
    expect(sums.js).toBeLessThan(0.02);
    expect(sums.ks).toBeLessThan(0.009);
    expect(sums.w1).toBeLessThan(0.012);
  });

  it('keeps a distance that is far above chance', () => {
    const normal = normalFrom(seeded(2));
    const of = (mean: number) => histogramOf(Array.from({ length: 20_000 }, () => mean + normal()));
    const { ks, w1 } = driftOf(of(0), of(0.5));
    // By hand: 2 Φ(0.25) − 1, and the shift itself.
    expect(ks).toBeCloseTo(0.197, 1);
    expect(w1).toBeCloseTo(0.5, 1);
  });

  it('stays within its bounds, and KS does not depend on the direction', () => {
    fc.assert(
      fc.property(sample, sample, (a, b) => {
        const [there, back] = [driftOf(histogramOf(a), histogramOf(b)), driftOf(histogramOf(b), histogramOf(a))];
        expect(there.ks).toBeCloseTo(back.ks ?? Number.NaN, 12);
        expect(there.psi ?? 0).toBeGreaterThanOrEqual(0);
        for (const share of [there.ks, there.js ?? 0]) {
          expect(share).toBeGreaterThanOrEqual(0);
          expect(share).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('sees a constant move, upwards and downwards, though a constant has no deciles', () => {
    const constant = histogramOf(new Array<number>(1_000).fill(0.5));
    for (const other of [0.4, 0.6]) {
      const moved = driftOf(constant, histogramOf(new Array<number>(1_000).fill(other)));
      expect(moved.psi).toBeGreaterThan(1);
      expect(moved.ks).toBeGreaterThan(0.95);
      expect(moved.w1).toBeNull();
    }
  });

  it('is not told by PSI and JS from less than 50 answers per bin, and by nothing from none', () => {
    const baseline = histogramOf(uniform(1_000, 1, 2));
    expect(driftOf(baseline, histogramOf(uniform(499, 1, 2)))).toMatchObject({ psi: null, js: null });
    expect(driftOf(baseline, histogramOf(uniform(499, 1, 2))).ks).toBeLessThan(0.05);
    expect(driftOf(baseline, histogramOf(uniform(500, 1, 2))).psi).toBe(0);
    expect(driftOf(baseline, emptyHistogram())).toEqual({ psi: null, js: null, ks: null, w1: null });
  });
});

describe('Cohen’s kappa', () => {
  const kappa = (matrix: readonly (readonly number[])[]) => {
    const at = (row: number, column: number) => matrix[row]?.[column] ?? 0;
    const places = [...matrix.keys()];
    const sum = (of: (place: number) => number) => places.reduce((total, place) => total + of(place), 0);
    return kappaOf({
      same: sum((place) => at(place, place)),
      live: Object.fromEntries(places.map((row) => [row, sum((column) => at(row, column))])),
      shadow: Object.fromEntries(places.map((column) => [column, sum((row) => at(row, column))])),
    });
  };

  it('is that of the textbook', () => {
    // Agreement 0.7, by chance 0.5 · 0.6 + 0.5 · 0.4 = 0.5.
    expect(
      kappa([
        [20, 5],
        [10, 15],
      ]),
    ).toBeCloseTo(0.4, 12);
    expect(
      kappa([
        [30, 0],
        [0, 20],
      ]),
    ).toBe(1);
    expect(
      kappa([
        [25, 25],
        [25, 25],
      ]),
    ).toBe(0);
    expect(
      kappa([
        [0, 10],
        [10, 0],
      ]),
    ).toBe(-1);
  });

  it('is not told without rows, and where there is but one class', () => {
    expect(kappa([])).toBeNull();
    expect(kappa([[50]])).toBeNull();
  });
});
