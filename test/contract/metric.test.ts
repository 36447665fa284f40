// Goal: every metric of the registry keeps the port's promises, above all that no order and no division changes a count.
// Method: the same properties over the whole registry, with random answers, pairs and labels; hostile numbers included.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countOf } from '../../shared/comparison/histogram.ts';
import { accuracy } from '../../shared/comparison/metrics/accuracy.ts';
import type { Metric } from '../../shared/comparison/metrics/metric.ts';
import {
  addLabelTo,
  addTo,
  emptyStates,
  LEVEL_MAX,
  METRICS,
  mergeStates,
  parseStates,
  stateOf,
} from '../../shared/comparison/metrics/registry.ts';
import type { Compared, Field, Outcome } from '../../shared/comparison/outcome.ts';
import { answeredPair } from '../../shared/comparison/testing/answered-pair.ts';

const tolerance = { atol: 0.01, rtol: 0.01 };
const FIELDS: readonly Field[] = [
  { name: 'scores', kind: 'classes', size: 3, ...tolerance },
  { name: 'price', kind: 'number', size: 1, ...tolerance },
  { name: 'label', kind: 'label', size: 2, ...tolerance },
];

const real = fc.oneof(
  fc.constantFrom(0, 0.5, 1, 1.005, -1),
  fc.double({ min: -1e3, max: 1e3 }),
  fc.double(),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -0),
);
const label = fc.oneof(fc.integer({ min: -2, max: 3 }), fc.integer({ min: -2_000, max: 2_000 }), real);
const error = fc.constantFrom('ROW_FAILED', 'DEADLINE', '__proto__', 'no code', 'ASSERTION');
const numbers = (of: fc.Arbitrary<number>, length: number) =>
  fc.array(of, { minLength: length, maxLength: length }).map((values) => Float64Array.from(values));

function outcome(version: number, rows: number): fc.Arbitrary<Outcome> {
  const scoringUs = fc.option(fc.nat({ max: 1e6 }));
  const values = fc.tuple(numbers(real, rows * 3), numbers(real, rows), numbers(label, rows * 2));
  const answer = fc.record({
    version: fc.constant(version),
    error: fc.constant(null),
    scoringUs,
    rows: fc.constant(rows),
    values,
  });
  const failure = fc.record({
    version: fc.constant(version),
    error,
    scoringUs,
    rows: fc.constant(0),
    values: fc.constant([]),
  });
  return fc.oneof({ weight: 4, arbitrary: answer }, { weight: 1, arbitrary: failure });
}

interface Added {
  readonly compared: Compared;
  readonly label: readonly number[] | null;
}

const rows = fc.integer({ min: 1, max: 3 });
const added: fc.Arbitrary<Added> = fc.tuple(rows, rows, fc.boolean()).chain(([liveRows, otherRows, fits]) =>
  fc.record({
    compared: fc.record({
      live: outcome(1, liveRows),
      shadow: fc.option(outcome(2, fits ? liveRows : otherRows)),
    }),
    label: fc.option(fc.array(fc.oneof(fc.integer({ min: -1, max: 3 }), real), { minLength: 1, maxLength: 3 })),
  }),
);
const many = fc.array(added, { maxLength: 25 });
const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe.each(METRICS)('metric $name', (metric: Metric) => {
  const stateOf = (of: readonly Added[]): unknown => {
    const state = metric.empty();
    for (const one of of) {
      metric.add(state, one.compared, FIELDS);
      if (one.label !== null) metric.addLabel?.(state, answeredPair(one.compared, FIELDS), one.label, FIELDS);
    }
    return state;
  };

  it('has a name of its own and a summary that is one sentence', () => {
    expect(METRICS.filter(({ name }) => name === metric.name)).toHaveLength(1);
    expect(metric.name).toMatch(/^[a-z]+(?:-[a-z]+)*$/);
    expect(metric.summary).toMatch(/^[A-Z][^.]+\.$/);
  });

  it('counts something', () => {
    const state = stateOf([
      {
        compared: { live: some(1), shadow: some(2) },
        label: [1],
      },
    ]);
    expect(state).not.toEqual(metric.empty());
  });

  it('merges in any grouping and any order, and nothing changes nothing', () => {
    fc.assert(
      fc.property(many, many, many, (x, y, z) => {
        const [a, b, c] = [stateOf(x), stateOf(y), stateOf(z)];
        expect(metric.merge(metric.merge(a, b), c)).toEqual(metric.merge(a, metric.merge(b, c)));
        expect(metric.merge(a, b)).toEqual(metric.merge(b, a));
        expect(metric.merge(a, metric.empty())).toEqual(a);
        expect(metric.merge(metric.empty(), a)).toEqual(a);
      }),
      { numRuns: 50 },
    );
  });

  it('gives the same for the whole as for its parts, whatever their order', () => {
    const shaken = many.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }), fc.nat({ max: 25 })),
    );
    fc.assert(
      fc.property(shaken, ([all, other, at]) => {
        expect(stateOf(other)).toEqual(stateOf(all));
        expect(metric.merge(stateOf(other.slice(at)), stateOf(other.slice(0, at)))).toEqual(stateOf(all));
      }),
      { numRuns: 50 },
    );
  });

  it('has states of plain JSON that its schema takes as they are', () => {
    fc.assert(
      fc.property(many, (all) => {
        const state = stateOf(all);
        expect(json(state)).toEqual(state);
        expect(metric.schema.parse(json(state))).toEqual(state);
      }),
      { numRuns: 50 },
    );
  });

  it('holds integers only', () => {
    fc.assert(
      fc.property(many, (all) => {
        JSON.stringify(stateOf(all), (_, value: unknown) => {
          if (typeof value === 'number') expect(Number.isSafeInteger(value)).toBe(true);
          return value;
        });
      }),
      { numRuns: 30 },
    );
  });

  it('neither changes what it merges nor what it was merged from', () => {
    fc.assert(
      fc.property(many, many, many, (x, y, later) => {
        const [a, b] = [stateOf(x), stateOf(y)];
        const merged = metric.merge(a, b);
        for (const { compared, label } of later) {
          metric.add(merged, compared, FIELDS);
          if (label !== null) metric.addLabel?.(merged, answeredPair(compared, FIELDS), label, FIELDS);
        }
        expect([a, b]).toEqual([stateOf(x), stateOf(y)]);
        expect(merged).toEqual(stateOf([...x, ...y, ...later]));
      }),
      { numRuns: 50 },
    );
  });

  it('made coarser at any time, is as coarse as the whole would be, and sound', () => {
    const level = fc.integer({ min: 1, max: LEVEL_MAX });
    const coarser = (state: unknown, to: number) => metric.coarser?.(state, to) ?? state;
    fc.assert(
      fc.property(many, many, level, level, (x, y, one, other) => {
        const [first, last] = [Math.min(one, other), Math.max(one, other)];
        const [a, b] = [stateOf(x), stateOf(y)];
        const whole = coarser(metric.merge(a, b), last);
        expect(coarser(metric.merge(coarser(a, first), b), last)).toEqual(whole);
        expect(coarser(whole, last)).toEqual(whole);
        expect(metric.schema.parse(json(whole))).toEqual(whole);
        expect([a, b]).toEqual([stateOf(x), stateOf(y)]);
      }),
      { numRuns: 50 },
    );
  });

  it('refuses a state that it did not make', () => {
    for (const bad of [null, 7, 'x', { unknown: 1 }, [{ unknown: 1 }]]) {
      expect(metric.schema.safeParse(bad).success).toBe(false);
    }
  });
});

describe('the states of all metrics', () => {
  const statesOf = (of: readonly Added[]) => {
    const states = emptyStates();
    for (const one of of) {
      addTo(states, one.compared, FIELDS);
      if (one.label !== null) addLabelTo(states, answeredPair(one.compared, FIELDS), one.label, FIELDS);
    }
    return states;
  };

  it('are merged, written and read back as one value', () => {
    fc.assert(
      fc.property(many, many, (x, y) => {
        const merged = mergeStates(statesOf(x), statesOf(y));
        expect(merged).toEqual(statesOf([...x, ...y]));
        expect(parseStates(json(merged))).toEqual(merged);
      }),
      { numRuns: 30 },
    );
  });

  it('hold as many label errors of the one side as of the other where there is a shadow', () => {
    const numberFirst = FIELDS.slice(1);
    const paired = many.map((all) => all.filter(({ compared }) => compared.shadow !== null));
    fc.assert(
      fc.property(paired, (all) => {
        const states = emptyStates();
        for (const { compared, label } of all) {
          const values = (outcome: Outcome) => ({ ...outcome, values: outcome.values.slice(1) });
          const shadow = compared.shadow === null ? null : values(compared.shadow);
          const pair = answeredPair({ live: values(compared.live), shadow }, numberFirst);
          if (label !== null) addLabelTo(states, pair, label, numberFirst);
        }
        const { liveError, shadowError } = stateOf(states, accuracy);
        expect(countOf(liveError)).toBe(countOf(shadowError));
      }),
      { numRuns: 50 },
    );
  });

  it('are empty where they know no metric, and leave out a metric that nobody knows', () => {
    expect(parseStates({ former: { count: 1 } })).toEqual(emptyStates());
    expect(mergeStates({}, {})).toEqual(emptyStates());
    expect(() => parseStates({ answers: { live: 1 } })).toThrow(/answers|live|expected/i);
    expect(() => parseStates([])).toThrow();
  });
});

function some(version: number): Outcome {
  return {
    version,
    error: null,
    scoringUs: 100,
    rows: 1,
    values: [Float64Array.of(0.1, 0.8, 0.1), Float64Array.of(version), Float64Array.of(1, 2)],
  };
}
