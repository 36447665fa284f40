// Goal: what partitions counted at different levels of coarseness is reported as what one of them would have counted of all.

import { expect, it } from 'vitest';
import { COMPARISON_START } from '../comparison/comparison.ts';
import type { MetricStates } from '../comparison/metrics/metric.ts';
import { addTo, coarserStates, emptyStates, mergeStates } from '../comparison/metrics/registry.ts';
import type { Field } from '../comparison/outcome.ts';
import { mergedReport } from './reports.ts';

const tolerance = { atol: 0, rtol: 0 };
const fields: Field[] = [
  { name: 'label', kind: 'label', size: 1, ...tolerance },
  { name: 'y', kind: 'number', size: 1, ...tolerance },
];

function statesOf(from: number, to: number): MetricStates {
  const states = emptyStates();
  for (let at = from; at < to; at++) {
    const values = [Float64Array.of(at), Float64Array.of(1.02 ** at)];
    const outcome = { version: 1, error: null, scoringUs: at, rows: 1, values };
    addTo(states, { live: outcome, shadow: { ...outcome, version: 2 } }, fields);
  }
  return states;
}

function reportOf(parts: readonly MetricStates[]) {
  const saved = parts.map((states) => ({ ...COMPARISON_START, states: { '1~2': states }, fields }));
  return mergedReport({ endpoint: 'e', run: 'r/2' }, saved);
}

it('is as coarse as the coarsest of its partitions, in whatever order they come', () => {
  const [fine, more] = [statesOf(1, 60), statesOf(20, 120)];
  const coarse = coarserStates(more, 2);
  const whole = reportOf([coarserStates(mergeStates(fine, more), 2)]);
  expect(reportOf([fine, coarse])).toEqual(whole);
  expect(reportOf([coarse, fine])).toEqual(whole);
});
