// Goal: explain agrees with what the promises allow, and with nothing else.
// Method: one request under one cut, and outcomes put on record by hand.

import { describe, expect, it } from 'vitest';
import { HEADER, header } from '../../../shared/domain/headers.ts';
import type { InRecord } from '../../../shared/domain/record.ts';
import { bytesOf, canaryOf, cutOf, modelOf, requestAt } from '../../../test/support/plans.ts';
import { type ExplainInput, explain, NOTHING_COMMITTED } from './explain.ts';

const request = requestAt(0);
const record = (offset: number, headers: Readonly<Record<string, string>>): InRecord => ({
  ...request,
  offset,
  value: bytesOf('v'),
  headers: Object.entries(headers).map(([name, value]) => header(name, value)),
});
const by = (version: number) => ({ [HEADER.version]: String(version), [HEADER.digest]: modelOf(version).digest });
const rescue = { [HEADER.rescuedFrom]: '2:MODEL_FAILED' };

/** All traffic is the candidate's, v2. */
function told(rest: Partial<ExplainInput>, delivery: 'exactly-once' | 'at-least-once' = 'exactly-once') {
  const cuts = [cutOf(canaryOf(1, 10_000, { delivery }), 0)];
  const nothing = { laneRecords: [], predictions: [], deadLetters: [], laneCommitted: NOTHING_COMMITTED };
  return explain({ endpoint: 'numbers', request, cuts, routerCommitted: 1, ...nothing, ...rest });
}

describe('a rescue', () => {
  it('is agreement when a lane holds it for the version that answered', () => {
    const laneRecords = [['blue', record(0, { ...by(1), ...rescue })]] as const;
    expect(told({ laneRecords, predictions: [record(0, { ...by(1), ...rescue })] }).verdict).toBe('rescued');
  });

  it.each([
    ['another version', [['blue', record(0, { ...by(1), ...rescue })]] as const],
    ['nobody', []],
  ])('that is on record for %s is none', (_, laneRecords) => {
    const { verdict, problems } = told({ laneRecords, predictions: [record(0, { ...by(3), ...rescue })] });
    expect({ verdict, problems }).toEqual({
      verdict: 'disagrees',
      problems: ['v3 answered a rescue that no lane holds'],
    });
  });
});

describe('an outcome that is there twice', () => {
  const error = { [HEADER.error]: 'MODEL_FAILED' };
  const cases: readonly (readonly [string, Partial<ExplainInput>])[] = [
    ['two answers', { predictions: [record(0, by(2)), record(1, by(2))] }],
    [
      'two error answers, two dead letters',
      { predictions: [record(0, error), record(1, error)], deadLetters: [record(0, error), record(1, error)] },
    ],
  ];

  it.each(cases)('is allowed at least once: %s', (_, input) => {
    expect(told(input, 'at-least-once').problems).toEqual([]);
  });

  it.each(cases)('is a disagreement exactly once: %s', (_, input) => {
    expect(told(input).problems).toEqual([expect.stringMatching(/^it ended in /)]);
  });

  it('does not excuse an error answer without its dead letter', () => {
    const predictions = [record(0, error), record(1, error)];
    expect(told({ predictions }, 'at-least-once').verdict).toBe('disagrees');
  });
});
