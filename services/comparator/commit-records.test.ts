// Goal: whatever was counted of whatever outputs, the records of a commit have no more bytes than their topics take.
// Method: states, examples and joins that take as much room as they can, of up to 32 outputs of every kind.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeControl } from '../../shared/codec/control.ts';
import { CONTROL_BYTES_MAX } from '../../shared/codec/limits.ts';
import { FULL_SCOPES_MIN, savedOf, totalsOf } from '../../shared/comparing/saved.ts';
import { EXAMPLES_MAX } from '../../shared/comparison/examples.ts';
import { fitted } from '../../shared/comparison/fitted.ts';
import { NO_COUNTS } from '../../shared/comparison/join-state.ts';
import { chosenOf, type Field, firstRow, type Outcome } from '../../shared/comparison/outcome.ts';
import type { Example } from '../../shared/comparison/report.ts';
import type { JoinCounts } from '../../shared/domain/comparison.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { type Density, denseStates, fullJoin } from '../../test/support/dense-states.ts';
import { recordsOf } from './commit-records.ts';

const RUNS = 5;
const OUTPUTS_MAX = 32;
/** What a broker takes of a topic that says nothing else, less what it counts beside key and value. */
const BROKER_BYTES_MAX = 1_048_000;
const SCOPES = ['1~2', '3~2', '4~2'];
const topics = topicsOf('p'.repeat(64));
const endpoint = 'e'.repeat(63);
const head = {
  ...{ endpoint, rollout: `${endpoint}-1`, version: 2, digest: 'd'.repeat(64), partition: 1_023, sampleBp: 10_000 },
  ...{ sinceMs: 1_767_225_600_000, ended: false, atMs: 1_767_225_600_000 },
};
const density = fc.integer({ min: 0, max: OUTPUTS_MAX }).chain((labels) =>
  fc.record<Density>({
    numbers: fc.integer({ min: 0, max: OUTPUTS_MAX - labels }),
    labels: fc.constant(labels),
    everyPlace: fc.integer({ min: 1, max: 9 }),
    within: fc.integer({ min: 1, max: Math.floor(127 / Math.sqrt(labels + 1)) }),
    count: fc.integer({ min: 1, max: 2 ** 40 }),
  }),
);

function fieldsOf({ numbers, labels }: Density): Field[] {
  const name = (at: number) => `"${String(at).padStart(126, '"')}"`;
  const kinds = [...new Array(numbers).fill('classes'), ...new Array(labels).fill('label')] as const;
  return kinds.map((kind, at) => ({ name: name(at), kind, size: 100, atol: 1 / 3, rtol: 1 / 3 }));
}

function examplesOf(fields: readonly Field[]): Example[] {
  // As long as numbers get.
  const values = fields.map(({ size }) => new Float64Array(size).fill(-1.2345678901234568e-300));
  const outcome: Outcome = { version: 1, error: null, scoringUs: 1, rows: 1, values };
  const row = firstRow(outcome, fields);
  const chosen = chosenOf(outcome, fields);
  const place = (kind: 'requests' | 'predictions' | 'shadow') => {
    return { topic: topics.endpoint(endpoint, kind), partition: 1_023, offset: 2 ** 40 };
  };
  const at = { request: place('requests'), prediction: place('predictions'), shadow: place('shadow') };
  const said = { live: row, shadow: row, chosen: { live: chosen, shadow: chosen } };
  const sides = { ...said, liveVersion: 1, shadowVersion: 2, at };
  return Array.from({ length: 2 * EXAMPLES_MAX }, (_, source) => {
    return { source: `1023@${2 ** 40 + source}`, disagreement: 1 / 3, why: 'worst', ...sides };
  });
}

function written(of: Density, scopes: readonly string[] = SCOPES) {
  const states = fitted(denseStates(of));
  const fields = fieldsOf(of);
  const examples = examplesOf(fields);
  const saved = { join: fullJoin(), states: Object.fromEntries(scopes.map((scope) => [scope, states])), examples };
  const tolerances = fields.map(({ name, atol, rtol }) => ({ output: name, atol, rtol }));
  const { totals, reduced, dropped } = totalsOf({ ...head, fields, tolerances }, saved);
  const changes = { windows: [{ scope: '1~2', startMs: 0, states }], examples };
  const records = recordsOf({ totals, changes, counted: NO_COUNTS }, { topics, windowMs: 1_000 });
  return {
    totals,
    reduced,
    dropped,
    bytes: records.map(({ key, value }) => (key?.length ?? 0) + (value?.length ?? 0)),
  };
}

describe('the records of a commit', () => {
  it('have no more bytes than a control record may, and keep the versions that were counted last', () => {
    fc.assert(
      fc.property(density, (of) => {
        const scopes = [...SCOPES, '5~2', '6~2', '7~2'];
        const { totals, dropped, bytes } = written(of, scopes);
        const [totalsBytes = 0, ...others] = bytes;
        expect(totalsBytes).toBeLessThanOrEqual(CONTROL_BYTES_MAX + 128);
        for (const other of others) expect(other).toBeLessThanOrEqual(BROKER_BYTES_MAX);
        const kept = Object.keys(savedOf(totals).states);
        expect(kept.slice(-FULL_SCOPES_MIN)).toEqual(scopes.slice(-FULL_SCOPES_MIN));
        expect([...dropped, ...kept].sort()).toEqual(scopes);
      }),
      { numRuns: RUNS },
    );
  });

  it.each([
    ['scores', { numbers: OUTPUTS_MAX, labels: 0, everyPlace: 1, within: 1, count: 2 ** 40 }],
    ['labels', { numbers: 0, labels: OUTPUTS_MAX, everyPlace: 1, within: 22, count: 2 ** 40 }],
    ['one of labels', { numbers: 0, labels: 1, everyPlace: 1, within: 63, count: 2 ** 40 }],
  ])('keep all versions of a canary, full ones too, beside the largest examples: %s', (_, of) => {
    const { totals, dropped } = written(of);
    expect(dropped).toEqual([]);
    expect(Object.keys(savedOf(totals).states)).toEqual(SCOPES);
  });

  it('name what they tell less of than was counted', () => {
    const small = { numbers: 2, labels: 0, everyPlace: 9, within: 1, count: 1 };
    expect(written(small).reduced).toEqual([]);
    expect(written({ ...small, numbers: 32, everyPlace: 1 }).reduced).toContain('4~2');
  });

  it('say what the join counted, where it counted anything', () => {
    const { totals } = written({ numbers: 1, labels: 0, everyPlace: 9, within: 1, count: 1 });
    const windows = (counted: JoinCounts) =>
      recordsOf({ totals, changes: { windows: [], examples: [] }, counted }, { topics, windowMs: 1_000 })
        .filter(({ topic }) => topic === topics.control('metrics'))
        .map(({ value }) => decodeControl('metric-window', { topic: 'metrics', offset: 0, value, headers: [] }));
    expect(windows(NO_COUNTS)).toEqual([]);
    const counts = { ...NO_COUNTS, matched: 3, missingShadow: 1 };
    expect(windows(counts)).toMatchObject([{ live: 0, shadow: 2, startMs: head.atMs, states: '{}', counts }]);
  });
});
