// Answer: the records in which a lane record ends: prediction, rescue, or error answer with dead letter.

import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../../shared/domain/errors.ts';
import { HEADER, header, headerText } from '../../../shared/domain/headers.ts';
import type { InRecord, OutRecord } from '../../../shared/domain/record.ts';
import { refusalRecords } from '../../../shared/domain/refusal.ts';
import { topicsOf } from '../../../shared/domain/topics.ts';
import { bytesOf, ENDPOINT, modelOf, requestAt } from '../../../test/support/plans.ts';
import { predictionRecord, rescueRecord } from './answer.ts';

const topics = topicsOf('p.');
const says = (record: OutRecord, name: string) => headerText(record.headers, name);
const count = (record: OutRecord, name: string) => record.headers.filter(([known]) => known === name).length;

const record: InRecord = requestAt(0, {
  topic: 'p.numbers.lane.green',
  partition: 2,
  headers: [
    header(HEADER.contentType, 'application/octet-stream'),
    header('traceparent', '00-abc'),
    header(HEADER.source, '2@0'),
    header(HEADER.version, '2'),
    header(HEADER.digest, modelOf(2).digest),
    header(HEADER.lane, 'green'),
    header(HEADER.plan, '5'),
  ],
});

describe('a prediction', () => {
  const answer = {
    value: bytesOf('{}'),
    contentType: 'application/json',
    by: { model: modelOf(1), runtime: 'fake 1', scoringUs: 5 },
  };
  const prediction = predictionRecord('p.numbers.predictions', record, answer);

  it('goes under the key and to the partition of its request, and says who answered', () => {
    expect(prediction).toMatchObject({
      topic: 'p.numbers.predictions',
      partition: 2,
      key: record.key,
      value: answer.value,
    });
    expect([HEADER.source, HEADER.version, HEADER.plan, HEADER.runtime].map((name) => says(prediction, name))).toEqual([
      '2@0',
      '2',
      '5',
      'fake 1',
    ]);
  });

  it("has the content type of the answer, not the request's, and keeps what is foreign", () => {
    expect([says(prediction, HEADER.contentType), count(prediction, HEADER.contentType)]).toEqual([
      'application/json',
      1,
    ]);
    expect(says(prediction, 'traceparent')).toBe('00-abc');
  });

  it('is no error answer', () => {
    expect(says(prediction, HEADER.error)).toBeNull();
  });
});

describe('a rescue', () => {
  const error = new MillraceError('MODEL_DEADLINE', { version: 2, endpoint: ENDPOINT, deadlineMs: 10 });
  const routing = { model: modelOf(2), lane: 'green', rescued: false } as const;
  const to = { lane: 'blue', model: modelOf(1) } as const;
  const rescue = rescueRecord(topics, record, { endpoint: ENDPOINT, routing, to, error });

  it("is the same request on the incumbent's lane", () => {
    const { key, value, partition } = record;
    expect(rescue).toMatchObject({ topic: 'p.numbers.lane.blue', key, value, partition });
    expect(says(rescue, HEADER.contentType)).toBe('application/octet-stream');
  });

  it('names the incumbent, once, and who could not answer and why', () => {
    const named = [HEADER.version, HEADER.digest, HEADER.lane, HEADER.rescuedFrom];
    expect(named.map((name) => says(rescue, name))).toEqual(['1', modelOf(1).digest, 'blue', '2:MODEL_DEADLINE']);
    expect(named.map((name) => count(rescue, name))).toEqual([1, 1, 1, 1]);
  });

  it('keeps the plan and the source by which it was routed first', () => {
    expect([says(rescue, HEADER.plan), says(rescue, HEADER.source)]).toEqual(['5', '2@0']);
  });
});

describe('a refusal', () => {
  const [answer, letter] = refusalRecords(topics, record, {
    ...{ endpoint: ENDPOINT, code: 'REQUEST_TENSOR', message: 'input x: '.padEnd(5_000, '!'), stage: 'scorer' },
    ...{ answer: bytesOf('{"error":1}'), contentType: 'application/json', extraHeaders: [] },
  });

  it('is an error answer and a dead letter, both where the request is', () => {
    expect([answer.topic, letter.topic]).toEqual(['p.numbers.predictions', 'p.numbers.dead-letters']);
    for (const one of [answer, letter]) {
      expect(one).toMatchObject({ partition: 2, key: record.key });
      expect([says(one, HEADER.error), says(one, HEADER.source)]).toEqual(['REQUEST_TENSOR', '2@0']);
    }
  });

  it('keeps the bytes and the content type of the request in the dead letter only', () => {
    expect([letter.value, says(letter, HEADER.contentType)]).toEqual([record.value, 'application/octet-stream']);
    expect([answer.value, says(answer, HEADER.contentType)]).toEqual([bytesOf('{"error":1}'), 'application/json']);
  });

  it('says in the dead letter who refused and why, in words that fit a header', () => {
    expect(says(letter, HEADER.stage)).toBe('scorer');
    expect(says(letter, HEADER.reason)).toMatch(/^input x: !+$/);
    expect(says(letter, HEADER.reason)).toHaveLength(1_024);
  });
});
