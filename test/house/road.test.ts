// The road on the memory bus: router and scorer as they are, plans written by the test, models without processes.
// What a request ends in is read back from the topics, `read_committed`.

import { afterEach, describe, expect, it } from 'vitest';
import { startRouter } from '../../services/router/service.ts';
import { startScorer } from '../../services/scorer/service.ts';
import { ROLLBACK_BOUNDS } from '../../shared/analysis/checks/rollback-bound.ts';
import { auditEndpoint } from '../../shared/audit/audit-endpoint.ts';
import { memoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { memoryLog } from '../../shared/bus/memory/memory-log.ts';
import { decodeControl, encodeControl } from '../../shared/codec/control.ts';
import { codecNamed, decodeAnswer } from '../../shared/codec/registry.ts';
import { HEADER, header, headerText } from '../../shared/domain/headers.ts';
import type { InRecord, OutRecord } from '../../shared/domain/record.ts';
import { encodedBytes } from '../../shared/domain/record-bytes.ts';
import type { Delivery, ModelRef, RoutePlan } from '../../shared/domain/route-plan.ts';
import { REQUEST_BYTES_MAX, topicsOf } from '../../shared/domain/topics.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { silentLog } from '../../shared/telemetry/logger.ts';
import { fakeAnswer, fakeLauncher } from '../support/fake-launcher.ts';

const PARTITIONS = 2;
const ENDPOINT = 'numbers';
const DEADLINE_MS = 10_000;
const POLL_MS = 5;
const encoder = new TextEncoder();
const model = (version: number): ModelRef => ({ version, digest: String(version).repeat(64).slice(0, 64) });
const ready: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of ready.splice(0)) await close();
});

/** A road with nothing on it yet. */
async function road(options: { delivery?: Delivery } = {}) {
  const log = memoryLog();
  const bus = memoryBus(log, { clock: systemClock });
  const topics = topicsOf('');
  const launcher = fakeLauncher();
  await bus.admin.createTopics([...topics.controlTopicSpecs(), ...topics.endpointTopicSpecs(ENDPOINT, PARTITIONS)]);
  const deps = { bus, topics, clock: systemClock, log: silentLog };
  const scorer = await startScorer({ ...deps, launcher, worker: 'w' });
  const router = await startRouter(deps);
  ready.push(async () => {
    await router.stop();
    await scorer.stop();
    await bus.close();
  });
  let sent = 0;
  const readAll = async (topic: string) => {
    const records: InRecord[] = [];
    for await (const batch of bus.read({ topic, from: 'earliest', until: 'end' })) records.push(...batch.records);
    return records;
  };
  const of = (kind: Parameters<typeof topics.endpoint>[1]) => readAll(topics.endpoint(ENDPOINT, kind));
  const plan = async (changes: Partial<RoutePlan>) => {
    const whole: RoutePlan = {
      endpoint: ENDPOINT,
      delivery: options.delivery ?? 'exactly-once',
      revision: 1,
      rollout: 'r1',
      lanes: { blue: model(1), green: null },
      incumbent: 'blue',
      shares: [{ lane: 'blue', weightBp: 10_000 }],
      revoked: [],
      shadows: [],
      evidence: [],
      ...changes,
    };
    const place = { topic: topics.control('plans'), partition: 0, key: encoder.encode(ENDPOINT), headers: [] };
    await bus.write([{ ...place, value: encodeControl('plan', whole) }]);
  };
  const cutsReach = async (revision: number) => {
    const deadlineMs = systemClock.nowMs() + DEADLINE_MS;
    for (;;) {
      const landed = (await of('cuts')).filter(
        (record) => record.value !== null && decodeControl('cut', record).plan.revision === revision,
      );
      if (landed.length >= PARTITIONS) return landed.map((record) => decodeControl('cut', record));
      expect(systemClock.nowMs(), `cuts of revision ${revision} arrive`).toBeLessThan(deadlineMs);
      await systemClock.sleep(POLL_MS);
    }
  };
  return {
    launcher,
    of,
    plan,
    send: async (values: readonly (number | Uint8Array | null)[], headers: OutRecord['headers'] = []) => {
      const records = values.map((value) => ({
        topic: topics.endpoint(ENDPOINT, 'requests'),
        partition: sent++ % PARTITIONS,
        key: encoder.encode(`k${sent}`),
        value: typeof value === 'number' ? requestOf(value) : value,
        headers,
      }));
      await bus.write(records);
      return records;
    },
    /** Waits until every request has an answer or error answer. */
    answered: async () => {
      const deadlineMs = systemClock.nowMs() + DEADLINE_MS;
      for (;;) {
        const predictions = await of('predictions');
        if (predictions.length >= sent || systemClock.nowMs() > deadlineMs) return predictions;
        await systemClock.sleep(POLL_MS);
      }
    },
    cutsReach,
    /** All traffic on v2 as candidate, v1 the incumbent. */
    toCandidate: async () => {
      await plan({});
      await cutsReach(1);
      await plan({ ...CANARY, shares: sharesOf(10_000) });
      await cutsReach(2);
    },
    /** What the topics hold once nothing is under way any more. */
    outcomes: () =>
      auditEndpoint({
        ...{ bus, topics, endpoint: ENDPOINT, settled: true, bounds: ROLLBACK_BOUNDS, nowMs: systemClock.nowMs() },
        signal: new AbortController().signal,
      }),
  };
}

function requestOf(x: number): Uint8Array {
  return encoder.encode(
    JSON.stringify({ id: `n${x}`, inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [x] }] }),
  );
}

function avroOf(x: number): Uint8Array {
  return codecNamed('avro').encodeRequest(
    [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: Float32Array.of(x) }],
    {},
  );
}

function resultOf(record: InRecord): number | string {
  const answer = decodeAnswer(record.value ?? new Uint8Array(), headerText(record.headers, HEADER.contentType));
  return answer.kind === 'answer' ? Number(answer.outputs[0]?.data[0]) : answer.code;
}

const CANARY: Partial<RoutePlan> = {
  revision: 2,
  rollout: 'r2',
  lanes: { blue: model(1), green: model(2) },
  shares: sharesOf(5_000),
};

function sharesOf(candidateBp: number): RoutePlan['shares'] {
  return [
    { lane: 'green', weightBp: candidateBp },
    { lane: 'blue', weightBp: 10_000 - candidateBp },
  ];
}

describe('the road', () => {
  it('holds requests until there is a plan, then answers each exactly once', async () => {
    const { plan, send, answered, outcomes } = await road();
    await send([1, 2, 3]);
    await plan({});
    await send([4, 5]);
    expect((await answered()).map(resultOf).sort()).toEqual([1, 2, 3, 4, 5].map((x) => fakeAnswer(1, x)));
    expect(await outcomes()).toMatchObject({ requests: 5, answered: 5, lost: 0, duplicated: 0, wrongVersion: 0 });
  });

  it('cuts idle partitions over as well', async () => {
    const { plan, cutsReach } = await road();
    await plan({});
    await cutsReach(1);
    await plan(CANARY);
    expect((await cutsReach(2)).map((cut) => cut.partition).sort()).toEqual([0, 1]);
  });

  it('splits by key under a canary plan, and the cuts say who had to answer', async () => {
    const { plan, send, answered, outcomes, cutsReach } = await road();
    await plan({});
    await cutsReach(1);
    await plan(CANARY);
    await cutsReach(2);
    await send(Array.from({ length: 400 }, (_, i) => i));
    await answered();
    const { versions, wrongVersion, answered: count } = await outcomes();
    expect({ wrongVersion, count }).toEqual({ wrongVersion: 0, count: 400 });
    expect(versions.get(2)?.answers).toBeGreaterThan(140);
    expect(versions.get(1)?.answers).toBeGreaterThan(140);
  });

  it('passes foreign headers through and drops those that a producer may not claim', async () => {
    const { plan, send, answered } = await road();
    await plan({});
    await send([1], [header('traceparent', '00-1'), header('traceparent', '00-2'), header(HEADER.version, '99')]);
    const [prediction] = await answered();
    const names = prediction?.headers
      .filter(([name]) => name === 'traceparent')
      .map(([, value]) => Buffer.from(value).toString());
    expect(names).toEqual(['00-1', '00-2']);
    expect(prediction?.headers.filter(([name]) => name === HEADER.version)).toHaveLength(1);
    expect(headerText(prediction?.headers ?? [], HEADER.version)).toBe('1');
  });

  it('answers at least once too', async () => {
    const { plan, send, answered, outcomes } = await road({ delivery: 'at-least-once' });
    await plan({});
    await send([1, 2, 3, 4]);
    await answered();
    expect(await outcomes()).toMatchObject({ answered: 4, lost: 0, wrongVersion: 0 });
  });
});

describe('bad input', () => {
  const cases: readonly [string, Uint8Array | null, string][] = [
    ['bytes that are neither Avro nor JSON', new Uint8Array([0xff, 0xfe, 0x01]), 'REQUEST_UNREADABLE'],
    ['a null value', null, 'REQUEST_EMPTY'],
    [
      'a wrong tensor name',
      encoder.encode('{"inputs":[{"name":"z","datatype":"FP32","shape":[1,1],"data":[1]}]}'),
      'REQUEST_TENSOR',
    ],
    [
      'a wrong shape',
      encoder.encode('{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]}]}'),
      'REQUEST_TENSOR',
    ],
    [
      'a wrong datatype',
      encoder.encode('{"inputs":[{"name":"x","datatype":"INT32","shape":[1,1],"data":[1]}]}'),
      'REQUEST_TENSOR',
    ],
    [
      'a wrong length',
      encoder.encode('{"inputs":[{"name":"x","datatype":"FP32","shape":[1,1],"data":[1,2]}]}'),
      'REQUEST_TENSOR',
    ],
    [
      'NaN',
      encoder.encode('{"inputs":[{"name":"x","datatype":"FP32","shape":[1,1],"data":[NaN]}]}'),
      'REQUEST_UNREADABLE',
    ],
    ['NaN in Avro', avroOf(Number.NaN), 'REQUEST_NOT_FINITE'],
  ];

  it.each(cases)(
    '%s ends as an error answer and a dead letter with its bytes; the partition moves on',
    async (_name, bytes, code) => {
      const { plan, send, answered, of, outcomes } = await road();
      await plan({});
      await send([1, 2, bytes, bytes, 3, 4]);
      const values = (await answered()).map(resultOf);
      expect(values.filter((value) => value === code)).toHaveLength(2);
      const letters = await of('dead-letters');
      expect(letters.map((letter) => letter.value && Buffer.from(letter.value).toString('hex'))).toEqual(
        [bytes, bytes].map((value) => value && Buffer.from(value).toString('hex')),
      );
      expect(headerText(letters[0]?.headers ?? [], HEADER.error)).toBe(code);
      expect(headerText(letters[0]?.headers ?? [], HEADER.reason)).not.toBe('');
      expect(await outcomes()).toMatchObject({ answered: 4, deadLettered: 2, lost: 0, duplicated: 0 });
    },
  );

  it('a request of exactly the largest size passes every topic of the road, and one byte more never enters it', async () => {
    const { plan, send, answered } = await road();
    await plan({});
    const key = encoder.encode('k1');
    const padded = (bytes: number) => Buffer.concat([Buffer.alloc(bytes, ' '), requestOf(7)]);
    const recordBytes = (value: Uint8Array) => encodedBytes({ key, value, headers: [] });
    const near = REQUEST_BYTES_MAX - 1_000;
    const largest = padded(near + REQUEST_BYTES_MAX - recordBytes(padded(near)));
    const [sent] = await send([largest]);
    expect([sent?.key, recordBytes(largest)]).toEqual([key, REQUEST_BYTES_MAX]);
    expect((await answered()).map(resultOf)).toEqual([fakeAnswer(1, 7)]);
    await expect(send([Buffer.concat([largest, Buffer.from(' ')])])).rejects.toMatchObject({
      code: 'RECORD_TOO_LARGE',
    });
  });

  it('a request whose deadline has passed is answered EXPIRED', async () => {
    const { plan, send, answered } = await road();
    await plan({});
    await send([1], [header(HEADER.deadline, '1')]);
    await send([2], [header(HEADER.deadline, String(systemClock.nowMs() + 60_000))]);
    await send([3], [header(HEADER.deadline, 'soon')]);
    expect((await answered()).map(resultOf).map(String).sort()).toEqual(['1002', '1003', 'EXPIRED']);
  });
});

describe('failures of models', () => {
  it("a candidate's failing row is rescued by the incumbent with the reason on record; others are not touched", async () => {
    const { send, answered, outcomes, toCandidate, launcher } = await road();
    launcher.set(2, { poison: [13] });
    await toCandidate();
    await send([11, 12, 13, 14]);
    const predictions = await answered();
    expect(predictions.map(resultOf).sort()).toEqual([
      fakeAnswer(1, 13),
      fakeAnswer(2, 11),
      fakeAnswer(2, 12),
      fakeAnswer(2, 14),
    ]);
    const rescued = predictions.find((record) => resultOf(record) === fakeAnswer(1, 13));
    expect(headerText(rescued?.headers ?? [], HEADER.rescuedFrom)).toBe('2:MODEL_FAILED');
    expect(await outcomes()).toMatchObject({ answered: 4, wrongVersion: 0, deadLettered: 0 });
  });

  it("an incumbent's failing row is an error answer and a dead letter", async () => {
    const { plan, send, answered, outcomes, launcher } = await road();
    launcher.set(1, { poison: [13] });
    await plan({});
    await send([12, 13, 14]);
    expect((await answered()).map(resultOf).map(String).sort()).toEqual(['1012', '1014', 'MODEL_FAILED']);
    expect(await outcomes()).toMatchObject({ answered: 2, deadLettered: 1 });
  });

  it('a rescue that fails again is not rescued again', async () => {
    const { send, answered, toCandidate, outcomes, launcher } = await road();
    launcher.set(1, { poison: [13] });
    launcher.set(2, { poison: [13] });
    await toCandidate();
    await send([13]);
    expect((await answered()).map(resultOf)).toEqual(['MODEL_FAILED']);
    expect(await outcomes()).toMatchObject({ deadLettered: 1, duplicated: 0, lost: 0 });
  });

  it("an answer that no topic can take is its model's failure: rescued, or an error answer and a dead letter", async () => {
    const { send, answered, outcomes, toCandidate, launcher } = await road();
    launcher.set(2, { width: REQUEST_BYTES_MAX / 4 });
    await toCandidate();
    await send([11, 12]);
    const predictions = await answered();
    expect(predictions.map(resultOf).sort()).toEqual([fakeAnswer(1, 11), fakeAnswer(1, 12)]);
    expect(headerText(predictions[0]?.headers ?? [], HEADER.rescuedFrom)).toBe('2:RECORD_TOO_LARGE');
    launcher.set(1, { width: REQUEST_BYTES_MAX / 4 });
    await send([13]);
    expect((await answered()).map(resultOf)).toContain('RECORD_TOO_LARGE');
    expect(await outcomes()).toMatchObject({ answered: 2, deadLettered: 1, lost: 0, duplicated: 0 });
  });

  it('a candidate that is down altogether has its requests rescued', async () => {
    const { send, answered, toCandidate, launcher } = await road();
    await toCandidate();
    launcher.set(2, { state: 'FAILED' });
    await send([1, 2]);
    const predictions = await answered();
    expect(predictions.map(resultOf).sort()).toEqual([fakeAnswer(1, 1), fakeAnswer(1, 2)]);
    expect(headerText(predictions[0]?.headers ?? [], HEADER.rescuedFrom)).toBe('2:MODEL_UNAVAILABLE');
  });

  it('an incumbent that is down makes its partition wait, and loses nothing', async () => {
    const { plan, send, answered, of, launcher } = await road();
    launcher.set(1, { state: 'LOADING' });
    await plan({});
    await send([1, 2]);
    await systemClock.sleep(POLL_MS * 10);
    expect(await of('predictions')).toEqual([]);
    launcher.set(1, { state: 'READY' });
    expect((await answered()).map(resultOf).sort()).toEqual([fakeAnswer(1, 1), fakeAnswer(1, 2)]);
  });

  it('what is still queued for a revoked version is rescued, not scored', async () => {
    const { plan, send, answered, cutsReach, toCandidate, launcher } = await road();
    await toCandidate();
    launcher.set(2, { state: 'LOADING' });
    await send([1, 2, 3]);
    await plan({
      ...CANARY,
      revision: 3,
      shares: sharesOf(0),
      revoked: [model(2)],
    });
    await cutsReach(3);
    await send([4]);
    launcher.set(2, { state: 'READY' });
    const predictions = await answered();
    const ends = predictions.map(({ headers }) =>
      [HEADER.version, HEADER.rescuedFrom].map((name) => headerText(headers, name)),
    );
    const rescue = ['1', '2:VERSION_REVOKED'];
    expect(ends.sort()).toEqual([['1', null], rescue, rescue, rescue]);
  });
});
