// Goal: a comparison comes back from its record as it was written, and no number of versions outgrows the record.

import { describe, expect, it } from 'vitest';
import { encodeControl } from '../codec/control.ts';
import { COMPARISON_START, type SavedComparison } from '../comparison/comparison.ts';
import { EXAMPLES_MAX } from '../comparison/examples.ts';
import { addTo, emptyStates } from '../comparison/metrics/registry.ts';
import type { Field } from '../comparison/outcome.ts';
import type { Example } from '../comparison/report.ts';
import { savedOf, totalsOf } from './saved.ts';

const fields: Field[] = [{ name: 'y', kind: 'number', size: 1, atol: 0, rtol: 0 }];
const SIZE_40 = { size: 40, atol: 0, rtol: 0 };
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

describe('examples that were written before there were bounds', () => {
  const wide = Array.from({ length: 32 }, (_, at): Field => ({ ...{ name: `o${at}`, kind: 'classes' }, ...SIZE_40 }));
  const restored = (fields: readonly Field[], row: readonly number[]) => {
    const rows = fields.map(() => row);
    const at = { topic: 't', partition: 0, offset: 0 };
    const place = { at: { request: at, prediction: at, shadow: at } };
    const examples = Array.from(
      { length: 2 * EXAMPLES_MAX },
      (_, source): Example => ({
        ...{ source: `0@${source}`, disagreement: 1, why: 'worst', liveVersion: 1, shadowVersion: 2 },
        ...{ live: rows, shadow: rows.slice(1), ...place },
      }),
    );
    const old = { ...totalsOf({ ...head, fields }, COMPARISON_START).totals, examples: JSON.stringify(examples) };
    return savedOf(old).examples;
  };

  it('are cut to them', () => {
    const examples = restored(wide, new Array(32).fill(-1 / 3e300));
    expect(examples[0]?.live.map(({ length }) => length)).toEqual(new Array(32).fill(2));
    expect(examples[0]?.shadow.map(({ length }) => length)).toEqual(new Array(31).fill(2));
    // Which of forty was the largest is not in the first 32.
    expect(examples[0]?.chosen?.live).toEqual(new Array(32).fill(null));
  });

  it('say which class was chosen where all of its scores are there', () => {
    const narrow = wide.map((field) => ({ ...field, size: 4 }));
    const [example] = restored(narrow, [0.1, 0.2, 0.1, 0.6]);
    expect(example?.chosen?.live).toEqual(new Array(32).fill({ class: 3, score: 0.6 }));
    expect(example?.chosen?.shadow).toHaveLength(31);
    const [broken] = restored(narrow.slice(0, 1), [Number.NaN, 0.2, 0.1, 0.6]);
    expect(broken?.live).toEqual([[null, 0.2, 0.1, 0.6]]);
  });
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
