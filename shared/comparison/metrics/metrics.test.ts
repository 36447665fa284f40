// Goal: each metric counts what its name says. Method: a few pairs whose counts can be worked out by hand.
// What holds for all of them alike is in test/contract/metric.test.ts.

import { describe, expect, it } from 'vitest';
import { countOf, quantile } from '../histogram.ts';
import type { Compared, Field, Outcome } from '../outcome.ts';
import { answeredPair } from '../testing/answered-pair.ts';
import { accuracy } from './accuracy.ts';
import { agreement } from './agreement.ts';
import { answers } from './answers.ts';
import { CLASS_OTHER, classes } from './classes.ts';
import { differences } from './differences.ts';
import type { Metric } from './metric.ts';
import { scores } from './scores.ts';
import { scoringTime } from './scoring-time.ts';

const tolerance = { atol: 0.1, rtol: 0.01 };
const CLASSES: Field = { name: 'scores', kind: 'classes', size: 3, ...tolerance };
const NUMBER: Field = { name: 'price', kind: 'number', size: 1, ...tolerance };
const LABEL: Field = { name: 'label', kind: 'label', size: 1, ...tolerance };

const answer = (...values: readonly (readonly number[])[]): Outcome => ({
  version: 1,
  error: null,
  scoringUs: 200,
  rows: 1,
  values: values.map((column) => Float64Array.from(column)),
});
const failure = (error: string): Outcome => ({ version: 1, error, scoringUs: null, rows: 0, values: [] });
const pair = (live: Outcome, shadow: Outcome | null): Compared => ({ live, shadow });

function counted<State>(metric: Metric<State>, fields: readonly Field[], compared: readonly Compared[]): State {
  const state = metric.empty();
  for (const one of compared) metric.add(state, one, fields);
  return state;
}

describe('answers', () => {
  it('counts both sides, errors by code, and codes that nobody knows as others', () => {
    const state = counted(
      answers,
      [NUMBER],
      [
        pair(answer([1]), failure('ASSERTION')),
        pair(answer([1]), failure('__proto__')),
        pair(failure('ASSERTION'), null),
      ],
    );
    expect(state.live).toEqual({ answers: 3, errors: { ASSERTION: 1 } });
    expect(state.shadow).toEqual({ answers: 2, errors: { ASSERTION: 1, OTHER: 1 } });
  });
});

describe('agreement', () => {
  const agreed = (live: Outcome, shadow: Outcome | null, fields: readonly Field[]) =>
    counted(agreement, fields, [pair(live, shadow)]);

  it('is within the tolerance of the live value, by field and in all', () => {
    const fields = [NUMBER, LABEL];
    expect(agreed(answer([10], [1]), answer([10.2], [1]), fields)).toEqual({ pairs: 1, agreed: 1, fields: [1, 1] });
    expect(agreed(answer([10], [1]), answer([10.21], [1]), fields)).toEqual({ pairs: 1, agreed: 0, fields: [0, 1] });
    expect(agreed(answer([10], [1]), answer([10], [2]), fields)).toEqual({ pairs: 1, agreed: 0, fields: [1, 0] });
  });

  it('knows no tolerance for labels', () => {
    expect(agreed(answer([1_000]), answer([1_001]), [NUMBER]).agreed).toBe(1);
    expect(agreed(answer([1_000]), answer([1_001]), [LABEL]).agreed).toBe(0);
  });

  it('is never counted for an error, or without a shadow', () => {
    for (const [live, shadow] of [
      [failure('ASSERTION'), failure('ASSERTION')],
      [answer([1]), failure('ASSERTION')],
      [answer([1]), null],
    ] as const) {
      expect(agreed(live, shadow, [NUMBER]).pairs).toBe(0);
    }
  });

  it('is not between different numbers of rows, nor with what is no number or endless', () => {
    expect(agreed(answer([1, 1]), answer([1]), [NUMBER]).agreed).toBe(0);
    for (const odd of [Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(agreed(answer([1]), answer([odd]), [NUMBER]).agreed).toBe(0);
      expect(agreed(answer([odd]), answer([1]), [NUMBER]).agreed).toBe(0);
    }
    expect(agreed(answer([Number.NaN]), answer([Number.NaN]), [NUMBER]).agreed).toBe(0);
  });
});

describe('classes', () => {
  it('counts mix and confusion by row, of classes and of labels', () => {
    const live = answer([1, 0, 0, 0, 1, 0], [4, -1]);
    const shadow = answer([1, 0, 0, 0, 0, 1], [4, 2]);
    const [byScore, byLabel] = counted(classes, [CLASSES, LABEL], [pair(live, shadow)]);
    expect(byScore).toEqual({
      rows: 2,
      same: 1,
      live: { 0: 1, 1: 1 },
      shadow: { 0: 1, 2: 1 },
      confusion: { 0: { 0: 1 }, 1: { 2: 1 } },
    });
    expect(byLabel?.confusion).toEqual({ 4: { 4: 1 }, [-1]: { 2: 1 } });
  });

  it('counts the live side alone without a shadow, and nothing beside an error', () => {
    const live = answer([0, 1, 0]);
    const [of] = counted(classes, [CLASSES], [pair(live, null), pair(live, failure('ASSERTION'))]);
    expect(of).toEqual({ rows: 0, same: 0, live: { 1: 1 }, shadow: {}, confusion: {} });
  });

  it('puts labels that are large or broken together', () => {
    const [of] = counted(classes, [LABEL], [pair(answer([1e9, 0.5, Number.NaN, 1_023]), null)]);
    expect(of?.live).toEqual({ [CLASS_OTHER]: 3, 1023: 1 });
  });
});

describe('scores and differences', () => {
  it('are those of the chosen classes and of the numbers', () => {
    const compared = pair(answer([0.2, 0.7, 0.1], [-4]), answer([0.2, 0.3, 0.5], [-5]));
    const fields = [CLASSES, NUMBER];
    const [chosen, price] = counted(scores, fields, [compared]);
    expect(quantile(chosen?.live ?? empty, 0.5)).toBeCloseTo(0.7, 1);
    expect(quantile(chosen?.shadow ?? empty, 0.5)).toBeCloseTo(0.5, 1);
    expect(quantile(price?.live ?? empty, 0.5)).toBeCloseTo(-4, 1);
    const [byScore, byPrice] = counted(differences, fields, [compared]);
    expect(quantile(byScore ?? empty, 0.5)).toBeCloseTo(-0.2, 2);
    expect(quantile(byPrice ?? empty, 0.5)).toBeCloseTo(-1, 1);
  });

  const empty = { zero: 0, positive: {}, negative: {} };
});

describe('scoring time', () => {
  it('counts what is known, of each side', () => {
    const unknown = { ...answer([1]), scoringUs: null };
    const state = counted(scoringTime, [NUMBER], [pair(answer([1]), unknown), pair(answer([1]), null)]);
    expect(countOf(state.live)).toBe(2);
    expect(countOf(state.shadow)).toBe(0);
  });
});

describe('accuracy', () => {
  const labelled = (compared: Compared, label: readonly number[], field: Field) => {
    const state = accuracy.empty();
    accuracy.addLabel?.(state, answeredPair(compared, [field]), label, [field]);
    return state;
  };

  it('counts who was right, row by row', () => {
    const live = answer([1, 2, 3, 4]);
    const shadow = answer([1, 2, 0, 0]);
    const right = { rows: 4, both: 1, onlyLive: 1, onlyShadow: 1, neither: 1 };
    expect(labelled(pair(live, shadow), [1, 0, 0, 4], LABEL)).toMatchObject({ ...right, onlyShadow: 1 });
    expect(labelled(pair(live, null), [1, 0, 0, 4], LABEL)).toMatchObject({ rows: 4, onlyLive: 2, neither: 2 });
    const scored = pair(answer([0, 0, 1]), answer([0, 1, 0]));
    expect(labelled(scored, [2], CLASSES)).toMatchObject({ rows: 1, onlyLive: 1 });
  });

  it('never counts an error, or a row that is not there, as right', () => {
    expect(labelled(pair(failure('ASSERTION'), answer([0])), [0], LABEL)).toMatchObject({ onlyShadow: 1 });
    expect(labelled(pair(answer([0]), answer([0])), [0, 0], LABEL)).toMatchObject({ both: 1, neither: 1 });
  });

  it('counts an error the same whether the fields are known yet or not', () => {
    for (const failed of [pair(failure('ASSERTION'), null), pair(failure('ASSERTION'), failure('ASSERTION'))]) {
      const state = accuracy.empty();
      accuracy.addLabel?.(state, answeredPair(failed, []), [1, 2], []);
      expect(state).toMatchObject({ rows: 2, neither: 2 });
      for (const field of [LABEL, CLASSES, NUMBER]) expect(labelled(failed, [1, 2], field)).toEqual(state);
    }
  });

  it('is the distance from the label for numbers', () => {
    const state = labelled(pair(answer([10]), answer([7])), [8], NUMBER);
    expect(quantile(state.liveError, 0.5)).toBeCloseTo(2, 1);
    expect(quantile(state.shadowError, 0.5)).toBeCloseTo(1, 1);
    expect(state).toMatchObject({ rows: 1, both: 0, neither: 0 });
  });

  it('has the distances of both sides on the same rows, and so none where either has no number', () => {
    const [far, near] = [answer([10, 100]), answer([10, Number.NaN])];
    for (const [live, shadow, compared] of [
      [far, failure('ASSERTION'), 0],
      [failure('ASSERTION'), far, 0],
      [far, near, 1],
      [near, far, 1],
    ] as const) {
      const state = labelled(pair(live, shadow), [10, 10], NUMBER);
      expect([state.rows, countOf(state.liveError), countOf(state.shadowError)]).toEqual([2, compared, compared]);
    }
    expect(countOf(labelled(pair(far, null), [10, 10], NUMBER).liveError)).toBe(2);
  });
});
