// Goal: states of any size fit their records, coarser where they must, and whether a comparator was killed changes nothing.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Density, denseStates } from '../../test/support/dense-states.ts';
import { bytesWithin, fitted, SCOPE_BYTES_MAX } from './fitted.ts';
import type { MetricStates } from './metrics/metric.ts';
import { levelOf, mergeStates, parseStates } from './metrics/registry.ts';

const RUNS = 6;
const density = fc.record<Density>({
  numbers: fc.integer({ min: 0, max: 8 }),
  labels: fc.integer({ min: 0, max: 2 }),
  everyPlace: fc.integer({ min: 1, max: 7 }),
  within: fc.integer({ min: 1, max: 127 }),
  count: fc.integer({ min: 1, max: 10_000 }),
});
const bytesOf = (states: MetricStates) => bytesWithin(JSON.stringify(states));
const written = (states: MetricStates) => parseStates(JSON.parse(JSON.stringify(fitted(states))));

it('leaves small states as they are', () => {
  const states = denseStates({ numbers: 1, labels: 1, everyPlace: 7, within: 20, count: 3 });
  expect(fitted(states)).toEqual(states);
});

it('tells as much apart as there is room for', () => {
  const states = fitted(denseStates({ numbers: 8, labels: 1, everyPlace: 1, within: 127, count: 3 }));
  expect(levelOf(states)).toBeGreaterThan(0);
  expect(bytesOf(states)).toBeLessThanOrEqual(SCOPE_BYTES_MAX);
  expect(bytesOf(states)).toBeGreaterThan(SCOPE_BYTES_MAX / 8);
});

it('gives the same whether or not it was written, read back and added to in between', () => {
  fc.assert(
    fc.property(density, density, density, (x, y, z) => {
      const [a, b, c] = [denseStates(x), denseStates(y), denseStates(z)];
      const whole = fitted(mergeStates(mergeStates(a, b), c));
      expect(fitted(mergeStates(written(mergeStates(a, b)), c))).toEqual(whole);
      expect(fitted(mergeStates(a, written(mergeStates(written(c), b))))).toEqual(whole);
      expect(bytesOf(whole)).toBeLessThanOrEqual(SCOPE_BYTES_MAX);
    }),
    { numRuns: RUNS },
  );
});
