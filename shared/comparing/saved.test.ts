// Goal: a comparison comes back from its record as it was written, and no number of versions outgrows the record.

import { expect, it } from 'vitest';
import { encodeControl } from '../codec/control.ts';
import { COMPARISON_START, type SavedComparison } from '../comparison/comparison.ts';
import { addTo, emptyStates } from '../comparison/metrics/registry.ts';
import type { Field } from '../comparison/outcome.ts';
import { savedOf, totalsOf } from './saved.ts';

const fields: Field[] = [{ name: 'y', kind: 'number', size: 1, atol: 0, rtol: 0 }];
const head = {
  ...{ endpoint: 'numbers', rollout: '', version: 0, digest: '', partition: 1, sampleBp: 10_000, sinceMs: 0 },
  ...{ ended: false, atMs: 7, fields, tolerances: [] },
};

function statesOf(answers: number) {
  const states = emptyStates();
  for (let at = 1; at <= answers; at++) {
    const outcome = { version: 1, error: null, scoringUs: at * at, rows: 1, values: [Float64Array.of(1.02 ** at)] };
    addTo(states, { live: outcome, shadow: null }, fields);
  }
  return states;
}

it('comes back as it was written', () => {
  const saved: SavedComparison = {
    ...COMPARISON_START,
    join: { ...COMPARISON_START.join, begun: 3, done: 9, skipped: [{ from: 4, to: 6 }] },
    states: { '1~': statesOf(50), '2~': statesOf(3) },
  };
  expect(savedOf(totalsOf(head, saved).totals)).toEqual({ ...saved, fields, tolerances: [] });
});

it('keeps the scopes that were counted last when there are too many', () => {
  const states = Object.fromEntries(Array.from({ length: 400 }, (_, version) => [`${version + 1}~`, statesOf(400)]));
  const { totals, dropped } = totalsOf(head, { ...COMPARISON_START, states });
  expect(() => encodeControl('totals', totals)).not.toThrow();
  const kept = Object.keys(savedOf(totals).states);
  expect(kept.length).toBeGreaterThan(20);
  expect(kept.length + dropped.length).toBe(400);
  expect(dropped).not.toEqual([]);
  expect(kept.at(-1)).toBe('400~');
  expect(kept[0]).toBe(`${400 - kept.length + 1}~`);
});
