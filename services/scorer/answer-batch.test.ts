// Goal: one request costs only itself: whatever a row does to its process, all others are answered by their own version.
// Method: whole batches to the records that end them, with models without processes that die as real ones do.

import { afterEach, describe, expect, it } from 'vitest';
import { HEADER, header, headerText } from '../../shared/domain/headers.ts';
import type { InRecord, OutRecord } from '../../shared/domain/record.ts';
import type { RoutePlan } from '../../shared/domain/route-plan.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { Versions } from '../../shared/serving/versions.ts';
import { silentLog } from '../../shared/telemetry/logger.ts';
import { FAKE_SIGNATURE, fakeLauncher } from '../../test/support/fake-launcher.ts';
import { bytesOf, canaryOf, ENDPOINT, modelOf, planOf, requestAt } from '../../test/support/plans.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { answerBatch } from './answer-batch.ts';

const topics = topicsOf('');
const BATCH = 512;
const running: Versions[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((versions) => versions.stop()));
});

/** A scorer's endpoint under `plan`, without bus and lanes. */
function scorer(plan: RoutePlan) {
  const clock = new VirtualClock();
  const launcher = fakeLauncher();
  const versions = new Versions({ endpoint: ENDPOINT, launcher, clock, onState: () => undefined });
  running.push(versions);
  const context = { endpoint: ENDPOINT, topics, clock, plan: () => plan, log: silentLog };
  const using = (used: Versions) => (records: readonly InRecord[]) =>
    answerBatch({ ...context, versions: used }, records);
  return { launcher, versions, using, answer: using(versions) };
}

/** A record on the lane of `version`, one row each for `values`. */
function laneRecord(version: number, offset: number, values: readonly number[]): InRecord {
  const [input] = FAKE_SIGNATURE.inputs;
  const { digest } = modelOf(version);
  const lane = version === 1 ? 'blue' : 'green';
  const inputs = [{ name: input?.name, datatype: 'FP32', shape: [values.length, 1], data: values }];
  return requestAt(offset, {
    topic: topics.lane(ENDPOINT, lane),
    value: bytesOf(JSON.stringify({ inputs })),
    headers: [header(HEADER.version, String(version)), header(HEADER.digest, digest), header(HEADER.lane, lane)],
  });
}

const batchOf = (version: number) =>
  Array.from({ length: BATCH }, (_, offset) => laneRecord(version, offset, [offset]));
const predictions = (records: readonly OutRecord[]) =>
  records.filter(({ topic, headers }) => topic.endsWith('predictions') && headerText(headers, HEADER.error) === null);

describe('a row over which the process ends', () => {
  it('of a candidate is rescued alone, also while a second batch is on its way', async () => {
    const { launcher, answer } = scorer(canaryOf(2, 10_000));
    launcher.set(2, { deadly: [0] });
    const ends = await answer(batchOf(2));
    const rescued = ends.filter(({ headers }) => headerText(headers, HEADER.rescuedFrom) !== null);
    expect(rescued.map(({ headers }) => headerText(headers, HEADER.rescuedFrom))).toEqual(['2:MODEL_CRASHED']);
    expect(predictions(ends)).toHaveLength(BATCH - 1);
  });

  it('of an incumbent is a dead letter alone', async () => {
    const { launcher, answer } = scorer(planOf(1));
    launcher.set(1, { deadly: [0, 300] });
    const ends = await answer(batchOf(1));
    const letters = ends.filter(({ topic }) => topic.endsWith('dead-letters'));
    expect(letters.map(({ headers }) => headerText(headers, HEADER.error))).toEqual(['MODEL_CRASHED', 'MODEL_CRASHED']);
    expect(predictions(ends)).toHaveLength(BATCH - 2);
  });
});

describe('a request with more rows than the largest batch of its version', () => {
  const recordsOf = (version: number) => [laneRecord(version, 0, [1, 2, 3]), laneRecord(version, 1, [4, 5])];

  it('is not sent to the process: the request is at fault, not the model', async () => {
    const { launcher, answer } = scorer(planOf(1));
    launcher.set(1, { maxBatchRows: 2, deadly: [1] });
    const ends = await answer(recordsOf(1));
    const [answered, letter] = ends;
    expect([answered, letter].map((record) => headerText(record?.headers ?? [], HEADER.error))).toEqual([
      'REQUEST_TOO_MANY_ROWS',
      'REQUEST_TOO_MANY_ROWS',
    ]);
    expect(headerText(letter?.headers ?? [], HEADER.reason)).toBe('the request has 3 rows, more than 2');
    expect(predictions(ends)).toHaveLength(1);
  });

  it('is rescued from a candidate, whose incumbent may take it', async () => {
    const { launcher, answer } = scorer(canaryOf(2, 10_000));
    launcher.set(2, { maxBatchRows: 2 });
    const [rescued, ...others] = await answer(recordsOf(2));
    expect(headerText(rescued?.headers ?? [], HEADER.rescuedFrom)).toBe('2:REQUEST_TOO_MANY_ROWS');
    expect(predictions(others)).toHaveLength(1);
  });
});

describe('a batch', () => {
  const record = laneRecord(1, 0, [1]);
  const broken = (score: Versions['score']) => {
    const { versions, using } = scorer(planOf(1));
    return using(Object.assign(Object.create(versions), { open: versions.open.bind(versions), score }));
  };

  it('is not answered in the name of another version than the one that scored it', async () => {
    const by = { model: modelOf(2), runtime: 'fake 1', scoringUs: 5 };
    const answering = broken(async () => [{ kind: 'scored', outputs: [], by }])([record]);
    await expect(answering).rejects.toMatchObject({ code: 'ASSERTION' });
    await expect(answering).rejects.toThrow('version 2 answered for version 1');
  });

  it('is not answered while one of its records has no end', async () => {
    await expect(broken(async () => [])([record])).rejects.toThrow('record 0 of a batch has no end');
  });
});
