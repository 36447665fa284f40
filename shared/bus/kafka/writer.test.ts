// Goal: writes keep their order through retries, share rounds, and end by their deadline with the right error.
// Method: a stand-in leader that keeps what it accepts and answers what a test tells it to.

import { expect, test } from 'vitest';
import { MillraceError } from '../../domain/errors.ts';
import type { InRecord, OutRecord } from '../../domain/record.ts';
import { BrokerRefusal, CODE } from './broker-errors.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Connections } from './connections.ts';
import type { WireRequest } from './internals/client-types.ts';
import { RecordReader } from './internals/record-reader.ts';
import { BatchLimits } from './produce.ts';
import { RecordWriter } from './writer.ts';

interface Sent {
  readonly values: readonly string[];
  readonly producerId: number;
  readonly firstSequence: number;
}

/** Answer to the nth Produce: a code, or an error for a lost connection. */
type Answer = (nth: number, sent: Sent) => number | Error;

function standIn(answer: Answer = () => 0, identify: () => void = () => undefined) {
  const sent: Sent[] = [];
  let nowMs = 0;
  let producerId = 0;
  const clock = {
    nowMs: () => nowMs,
    sleep: async (ms: number, signal?: AbortSignal) => {
      await new Promise((resolve) => setImmediate(resolve));
      if (!signal?.aborted) nowMs += Math.min(ms, 100);
    },
  };
  const view = {
    settings: { clock, transactionTimeoutMs: 1_000 },
    track: async (topic: string) => {
      if (topic === 'missing') throw new MillraceError('TOPIC_UNKNOWN', { topic });
    },
    refresh: async () => undefined,
    recover: () => clock.sleep(20),
    leader: () => 'leader',
    anyAddress: async () => 'leader',
  };
  const send = async (request: WireRequest<unknown>) => {
    const one = sentIn((await request.request.encode()).buffer);
    sent.push(one);
    const result = answer(sent.length, one);
    await new Promise((resolve) => setImmediate(resolve));
    if (typeof result !== 'number') throw result;
    return [{ topic: 't', partition: 0, code: result }];
  };
  const initProducerId = async () => {
    identify();
    return { producerId: String(++producerId), producerEpoch: 0 };
  };
  const broker = { initProducerId };
  const connections = { to: async () => ({ broker, send }), drop: () => undefined, close: () => undefined };
  const limits = new BatchLimits();
  const writer = new RecordWriter(view as unknown as ClusterView, limits, connections as unknown as Connections);
  return { writer, sent, limits };
}

/** The one batch of a Produce request for `t-0` without a transactional id. */
function sentIn(body: Buffer): Sent {
  const bytes = body.subarray(27);
  const into: InRecord[] = [];
  new RecordReader({ topic: 't', partition: 0, bytes, fromOffset: 0, filter: null }).read(
    { records: 1e6, bytes: 1e9 },
    into,
  );
  return {
    values: into.map((record) =>
      Buffer.from(record.value ?? [])
        .toString()
        .slice(0, 8),
    ),
    producerId: Number(bytes.readBigInt64BE(43)),
    firstSequence: bytes.readInt32BE(53),
  };
}

function out(value: string, topic = 't'): OutRecord {
  return { topic, partition: 0, key: null, value: Buffer.from(value), headers: [] };
}

test('callers of one turn share a round, later ones the next', async () => {
  const { writer, sent } = standIn();
  await Promise.all([writer.write([out('a')], 5_000), writer.write([out('b'), out('c')], 5_000)]);
  await writer.write([out('d')], 5_000);
  expect(sent.map(({ values }) => values)).toEqual([['a', 'b', 'c'], ['d']]);
  expect(sent.map(({ firstSequence }) => firstSequence)).toEqual([0, 3]);
});

test('a batch without an answer is sent again as it was, so that the broker can tell, and later writes wait', async () => {
  const { writer, sent } = standIn((nth) => (nth < 3 ? new RangeError('connection lost') : 0));
  await Promise.all([
    writer.write([out('a')], 5_000),
    new Promise((resolve) => setImmediate(resolve)).then(() => writer.write([out('b')], 5_000)),
  ]);
  expect(sent.slice(0, 3)).toEqual(Array(3).fill({ values: ['a'], producerId: 1, firstSequence: 0 }));
  expect(sent[3]).toEqual({ values: ['b'], producerId: 1, firstSequence: 1 });
});

test('what the broker has already is written', async () => {
  const { writer } = standIn((nth) => (nth === 1 ? CODE.NOT_LEADER_OR_FOLLOWER : CODE.DUPLICATE_SEQUENCE_NUMBER));
  await expect(writer.write([out('a')], 5_000)).resolves.toBeUndefined();
});

test('a producer that the broker has forgotten gets a new identity and goes on', async () => {
  const { writer, sent } = standIn((nth) => (nth === 2 ? CODE.UNKNOWN_PRODUCER_ID : 0));
  await writer.write([out('a')], 5_000);
  await writer.write([out('b')], 5_000);
  expect(sent.map(({ producerId, firstSequence }) => [producerId, firstSequence])).toEqual([
    [1, 0],
    [1, 1],
    [2, 0],
  ]);
});

test('a write fails at its deadline, and the sequence numbers of what was sent are not used again', async () => {
  let healthy = false;
  const { writer, sent } = standIn(() => (healthy ? 0 : new RangeError('connection lost')));
  await expect(writer.write([out('a')], 300)).rejects.toMatchObject({ code: 'WRITE_FAILED', context: { topic: 't' } });
  healthy = true;
  await writer.write([out('b')], 5_000);
  expect(sent.at(-1)).toEqual({ values: ['b'], producerId: 2, firstSequence: 0 });
});

test('an unknown topic fails its own write and no other', async () => {
  const { writer } = standIn();
  const [missing, there] = await Promise.allSettled([
    writer.write([out('a', 'missing')], 5_000),
    writer.write([out('b')], 5_000),
  ]);
  expect(missing).toMatchObject({ status: 'rejected', reason: { code: 'TOPIC_UNKNOWN' } });
  expect(there.status).toBe('fulfilled');
});

test('a refused batch is split until only the record that is too large fails', async () => {
  const { writer, sent } = standIn((_, { values }) => (values.includes('huge....') ? CODE.MESSAGE_TOO_LARGE : 0));
  const calls = ['a', 'huge', 'b'].map((value) => writer.write([out(value.padEnd(3_000, '.'))], 5_000));
  const settled = await Promise.allSettled(calls);
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(settled[1]).toMatchObject({ reason: { code: 'RECORD_TOO_LARGE', context: { topic: 't' } } });
  expect(sent.at(-1)?.values).toEqual(['b.......']);
});

test('a write larger than a batch goes out in several, in order', async () => {
  const { writer, sent } = standIn();
  const values = Array.from({ length: 20 }, (_, i) => `${i}`.padEnd(100_000, '.'));
  await writer.write(
    values.map((value) => out(value)),
    5_000,
  );
  expect(sent.length).toBeGreaterThan(1);
  expect(sent.flatMap((one) => one.values)).toEqual(values.map((value) => value.slice(0, 8)));
});

test('closing fails what is under way and what comes after', async () => {
  const { writer } = standIn(() => new RangeError('connection lost'));
  const writing = writer.write([out('a')], 60_000);
  writer.close();
  await expect(writing).rejects.toMatchObject({ code: 'WRITE_FAILED' });
  await expect(writer.write([out('b')], 60_000)).rejects.toMatchObject({ code: 'WRITE_FAILED' });
});

test('a missing right is told at once, with the topic, and the next write is tried anew', async () => {
  const { writer, sent } = standIn((nth) => (nth === 1 ? CODE.TOPIC_AUTHORIZATION_FAILED : 0));
  const refused = { code: 'ACCESS_DENIED', context: { of: 'Produce', resource: 'topic t' } };
  await expect(writer.write([out('a')], Number.MAX_SAFE_INTEGER)).rejects.toMatchObject(refused);
  await writer.write([out('b')], 5_000);
  expect(sent.map(({ values, firstSequence }) => [values, firstSequence])).toEqual([
    [['a'], 0],
    [['b'], 0],
  ]);
});

test('one who may write nowhere is told at once, too', async () => {
  const { writer, sent } = standIn(undefined, () => {
    throw new BrokerRefusal(CODE.CLUSTER_AUTHORIZATION_FAILED, 'test');
  });
  const refused = { code: 'ACCESS_DENIED', message: expect.stringContaining('topic t, or') };
  await expect(writer.write([out('a')], Number.MAX_SAFE_INTEGER)).rejects.toMatchObject(refused);
  expect(sent).toEqual([]);
});
