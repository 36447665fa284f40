// Goal: a report says what was counted, null where nothing was, and sorts what people look at first to the top.
// Method: ten pairs worked out by hand; hostile values for the one number that sorts the examples.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { disagreementOf } from './disagreement.ts';
import { NO_COUNTS } from './join-state.ts';
import { addLabelTo, addTo, coarserStates, emptyStates } from './metrics/registry.ts';
import type { Field, Outcome } from './outcome.ts';
import type { Example } from './report.ts';
import { pairReport, reportOf } from './summary.ts';
import { answeredPair } from './testing/answered-pair.ts';

const tolerance = { atol: 0.01, rtol: 0 };
const CLASSES: Field = { name: 'scores', kind: 'classes', size: 2, ...tolerance };
const NUMBER: Field = { name: 'price', kind: 'number', size: 1, ...tolerance };
const LABEL: Field = { name: 'label', kind: 'label', size: 2, ...tolerance };

const answer = (version: number, ...values: readonly (readonly number[])[]): Outcome => ({
  version,
  error: null,
  scoringUs: 100 * version,
  rows: 1,
  values: values.map((column) => Float64Array.from(column)),
});
const failure: Outcome = { version: 2, error: 'ASSERTION', scoringUs: null, rows: 0, values: [] };

describe('the report of a pair', () => {
  const states = emptyStates();
  const fields = [CLASSES];
  for (let i = 0; i < 10; i++) {
    const live = answer(1, i < 5 ? [0.9, 0.1] : [0.2, 0.8]);
    const shadow = i === 9 ? failure : answer(2, i < 4 ? [0.9, 0.1] : [0.2, 0.8]);
    addTo(states, { live, shadow }, fields);
    addLabelTo(states, answeredPair({ live, shadow }, fields), [1], fields);
  }
  const report = pairReport({ liveVersion: 1, shadowVersion: 2, fields, states });

  it('says who answered, with what errors, how fast and how right', () => {
    expect(report.live).toMatchObject({ version: 1, answers: 10, errors: {}, accuracy: 0.5 });
    expect(report.shadow).toMatchObject({ version: 2, answers: 10, errors: { ASSERTION: 1 }, accuracy: 0.5 });
    expect(report.live.scoringUs.p50).toBeCloseTo(100, -1);
    expect(report).toMatchObject({ pairs: 10, labelledRows: 10 });
  });

  it('has agreement, kappa and confusion over the pairs that both answered', () => {
    expect(report.agreement).toBeCloseTo(8 / 9, 12);
    const [field] = report.fields;
    expect(field).toMatchObject({ name: 'scores', classes: [0, 1], mix: { live: [5, 4], shadow: [4, 5] } });
    expect(field?.confusion).toEqual([
      [4, 1],
      [0, 4],
    ]);
    expect(field?.sameClass).toBeCloseTo(8 / 9, 12);
    // By chance (5 · 4 + 4 · 5) / 81.
    expect(field?.kappa).toBeCloseTo((8 / 9 - 40 / 81) / (1 - 40 / 81), 12);
    expect(field?.drift).toMatchObject({ psi: null, js: null });
    expect(field?.difference.p99).toBeCloseTo(0.1, 2);
  });

  it('has bars that leave nothing out', () => {
    const { edges, live, shadow } = report.fields[0]?.scores ?? { edges: [], live: [], shadow: [] };
    expect(edges).toHaveLength(live.length + 1);
    expect([...edges].sort((a, b) => a - b)).toEqual(edges);
    expect([live, shadow].map((side) => side.reduce((sum, count) => sum + count, 0))).toEqual([9, 9]);
  });

  it('says nothing where nothing was counted', () => {
    const alone = pairReport({ liveVersion: 1, shadowVersion: null, fields: [CLASSES, NUMBER], states: emptyStates() });
    expect(alone).toMatchObject({ shadow: null, pairs: 0, agreement: null, labelledRows: 0 });
    expect(alone.live).toMatchObject({ answers: 0, accuracy: null, scoringUs: { p50: null } });
    for (const field of alone.fields) {
      expect(field).toMatchObject({
        agreement: null,
        sameClass: null,
        kappa: null,
        confusion: [],
        scores: { edges: [] },
      });
    }
  });
});

it('shows the classes that coarse states still confuse, and no others', () => {
  const states = emptyStates();
  const one = { ...LABEL, size: 1 };
  for (const label of [100, 100, 64, 63, -63])
    addTo(states, { live: answer(1, [label]), shadow: answer(2, [label]) }, [one]);
  const of = (level: number) =>
    pairReport({ liveVersion: 1, shadowVersion: 2, fields: [one], states: coarserStates(states, level) }).fields[0];
  expect(of(0)?.classes).toEqual([-63, 63, 64, 100]);
  expect(of(1)?.classes).toEqual([-63, 63]);
  expect(of(1)?.confusion).toEqual([
    [1, 0],
    [0, 1],
  ]);
});

describe('a comparison’s report', () => {
  it('counts neither a missing partner nor what was skipped as covered, and puts the largest pair and the worst example first', () => {
    const pair = (liveVersion: number, count: number) => {
      const states = emptyStates();
      for (let i = 0; i < count; i++) addTo(states, { live: answer(1, [1]), shadow: answer(2, [1]) }, [NUMBER]);
      return pairReport({ liveVersion, shadowVersion: 3, fields: [NUMBER], states });
    };
    const example = (source: string, disagreement: number): Example => ({
      ...{ source, disagreement, why: 'sample', liveVersion: 1, shadowVersion: 3, live: [], shadow: [] },
      at: { request: at, prediction: at, shadow: null },
    });
    const at = { topic: 't', partition: 0, offset: 0 };
    const report = reportOf({
      endpoint: 'digits',
      run: 'r1/3',
      counts: { ...NO_COUNTS, matched: 90, missingShadow: 6, missingLive: 4, skipped: 800 },
      pairs: [pair(1, 1), pair(2, 3)],
      examples: [example('0@1', 0.1), example('0@2', 0.9), example('0@3', 0)],
    });
    expect(report.coverage).toBe(0.1);
    expect(report.pairs.map(({ live }) => live.version)).toEqual([2, 1]);
    expect(report.examples.map(({ source, why }) => `${source} ${why}`)).toEqual([
      '0@2 worst',
      '0@1 worst',
      '0@3 sample',
    ]);
    expect(reportOf({ ...report, counts: NO_COUNTS }).coverage).toBeNull();
  });
});

describe('the disagreement of a pair', () => {
  const of = (field: Field, live: readonly number[], shadow: readonly number[]) =>
    disagreementOf({ live: answer(1, live), shadow: answer(2, shadow) }, [field]);

  it('is half the distance of the scores as shares, whatever their scale', () => {
    expect(of(CLASSES, [0.8, 0.2], [0.5, 0.5])).toBeCloseTo(0.3, 12);
    expect(of(CLASSES, [8, 2], [0.5, 0.5])).toBeCloseTo(0.3, 12);
    expect(of(CLASSES, [Math.log(8), -Math.log(2)], [0, 0])).toBeCloseTo(16 / 17 - 0.5, 12);
    expect(of(CLASSES, [1, 0, 0.5, 0.5], [1, 0, 0, 1])).toBe(0.5);
  });

  it('is relative to the tolerance for numbers, and a share for labels', () => {
    expect(of(NUMBER, [5], [5.01])).toBeCloseTo(0.5, 6);
    expect(of({ ...NUMBER, atol: 0 }, [5], [5])).toBe(0);
    expect(of(LABEL, [1, 2], [1, 3])).toBe(0.5);
  });

  it('is full between an answer and an error, and the largest of all fields', () => {
    const live = answer(1, [1], [1, 2]);
    expect(disagreementOf({ live, shadow: failure }, [NUMBER, LABEL])).toBe(1);
    expect(disagreementOf({ live: failure, shadow: failure }, [NUMBER])).toBe(0);
    expect(disagreementOf({ live, shadow: null }, [NUMBER, LABEL])).toBe(0);
    expect(disagreementOf({ live, shadow: answer(2, [1], [1, 1]) }, [NUMBER, LABEL])).toBe(0.5);
  });

  it('lies between 0 and 1 for any values, and is 0 between equal numbers', () => {
    const values = fc.array(fc.double(), { maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(CLASSES, NUMBER, LABEL), values, values, (field, a, b) => {
        const found = of(field, a, b);
        expect(found).toBeGreaterThanOrEqual(0);
        expect(found).toBeLessThanOrEqual(1);
      }),
      { numRuns: 500 },
    );
    expect(of(NUMBER, [Number.POSITIVE_INFINITY], [1])).toBe(1);
    expect(of(CLASSES, [Number.NaN, 1], [Number.NaN, 1])).toBe(1);
  });
});
