// Goal: what the bus contract cannot show because only a real broker does it: retention, growth, restarts, and kafkajs's
//       own consumer and producer running on our replacements.
// Method: a live broker of the run, and one of our own where it is killed.

import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { rawProducers } from '../../../test/int/raw-producer.ts';
import { describeWithBroker } from '../../../test/support/broker.ts';
import { findBroker } from '../../broker/find.ts';
import type { RunningBroker } from '../../broker/running-broker.ts';
import { isCi } from '../../config/ci.ts';
import { sleepUnless } from '../../domain/clock.ts';
import { errorCode, MillraceError } from '../../domain/errors.ts';
import type { OutRecord } from '../../domain/record.ts';
import { systemClock } from '../../process/clock.ts';
import type { Bus, BusNotice, OwnedPartition } from '../bus.ts';
import { ClusterView } from './cluster-view.ts';
import { client } from './internals/client.ts';
import { kafkaBus } from './kafka-bus.ts';
import { settingsOf } from './options.ts';

const require = createRequire(import.meta.url);
const WAIT = { timeout: 30_000, interval: 20 };
const AMPLE = { maxRecords: 10_000, maxBytes: 10_000_000, maxWaitMs: 500 };

function optionsFor(brokers: readonly string[], onNotice: (notice: BusNotice) => void = () => undefined) {
  return { brokers, clientId: 'int', clock: systemClock, onNotice, partitionCheckIntervalMs: 300 };
}

function record(topic: string, value: string, partition = 0): OutRecord {
  return { topic, partition, key: null, value: Buffer.from(value), headers: [] };
}

async function valuesOf(bus: Bus, topic: string): Promise<string[]> {
  const values: string[] = [];
  for await (const batch of bus.read({ topic, from: 'earliest', until: 'end' })) {
    values.push(...batch.records.map((read) => Buffer.from(read.value ?? []).toString()));
  }
  return values;
}

/** Copies every record to the same partition of `to`, starting over after any error. */
function copier(to: string) {
  return async (owned: OwnedPartition) => {
    await owned.fence();
    await owned.resume();
    while (!owned.lost.aborted) {
      const { records, nextOffset } = await owned.take({ ...AMPLE, maxRecords: 20 });
      const outputs = records.map(({ key, value, headers, partition }) => ({
        topic: to,
        partition,
        key,
        value,
        headers,
      }));
      if (outputs.length > 0) await owned.commit({ outputs, nextOffset });
    }
  };
}

describeWithBroker('the Kafka bus on a live broker', ({ brokers, prefix }) => {
  const bus = kafkaBus(optionsFor(brokers));
  const view = new ClusterView(settingsOf(optionsFor(brokers)));
  const producers = rawProducers(optionsFor(brokers));
  afterAll(async () => {
    producers.close();
    view.close();
    await bus.close();
  });
  const topicOf = async (name: string, partitions = 1) => {
    const topic = `${prefix}${name}`;
    await bus.admin.createTopics([{ name: topic, partitions, config: {} }]);
    return topic;
  };
  /** kafkajs's own client, which `client()` has put our replacements into. */
  const stock = () => {
    client();
    const { Kafka, logLevel } = require('kafkajs');
    return new Kafka({ clientId: 'stock', brokers, logLevel: logLevel.NOTHING });
  };

  test('overlapping aborts: A opens, B opens and aborts, A aborts, A commits, and only the commit is read', async () => {
    const topic = await topicOf('overlap');
    const a = await producers.open(`${topic}.a`);
    const b = await producers.open(`${topic}.b`);
    const undone = await a.begin();
    await undone.send([record(topic, 'a undone')]);
    const other = await b.begin();
    await other.send([record(topic, 'b undone')]);
    await other.abort();
    await undone.send([record(topic, 'a undone too')]);
    await undone.abort();
    const done = await a.begin();
    await done.send([record(topic, 'a done')]);
    await done.commit();
    expect(await valuesOf(bus, topic)).toEqual(['a done']);

    const consumer = stock().consumer({ groupId: `${topic}.stock`, readUncommitted: false });
    const seen: string[] = [];
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message }: { message: { value: Buffer } }) => void seen.push(String(message.value)),
    });
    await vi.waitFor(() => expect(seen).toContain('a done'), WAIT);
    await consumer.disconnect();
    expect(seen).toEqual(['a done']);
  });

  test('what waits while a transaction is under way is taken together, once that has ended', async () => {
    const [from, to] = [await topicOf('paced-in'), await topicOf('paced-out')];
    const order: string[] = [];
    const consumer = await bus.consume({
      ...{ group: `${from}.g`, topic: from, delivery: 'exactly-once', onError: (error) => order.push(String(error)) },
      onPartition: async (owned) => {
        await owned.fence();
        await owned.resume();
        const first = await owned.take({ ...AMPLE, maxRecords: 1, maxWaitMs: WAIT.timeout });
        const outputs = [record(to, 'of the first')];
        const committing = owned.commit({ outputs, nextOffset: first.nextOffset }).then(() => order.push('committed'));
        committing.catch(() => undefined);
        const rest = await owned.take({ ...AMPLE, maxWaitMs: WAIT.timeout });
        order.push(`taken ${first.records.length} + ${rest.records.length}`);
        await committing;
        await sleepUnless(systemClock, WAIT.timeout, owned.lost);
      },
    });
    await bus.write(['a', 'b', 'c'].map((value) => record(from, value)));
    await vi.waitFor(() => expect(order).toEqual(['committed', 'taken 1 + 2']), WAIT);
    await consumer.stop();
  });

  test('kafkajs writes through the injected grouping and encoder what our reader reads', async () => {
    const topic = await topicOf('stock', 2);
    const producer = stock().producer();
    await producer.connect();
    const messages = Array.from({ length: 50 }, (_, i) => ({
      key: `k${i}`,
      value: `v${i}`,
      partition: i % 2,
      headers: { list: ['a', 'b'] },
      timestamp: String(1_700_000_000_000 + i),
    }));
    await producer.send({ topic, messages });
    await producer.disconnect();
    const read: string[] = [];
    for await (const batch of bus.read({ topic, from: 'earliest', until: 'end' })) {
      for (const { partition, key, timestampMs, headers } of batch.records) {
        const list = headers.map(([name, value]) => `${name}=${Buffer.from(value)}`).join();
        read.push(`${partition} ${Buffer.from(key ?? [])} ${timestampMs - 1_700_000_000_000} ${list}`);
      }
    }
    const expected = messages.map(({ key, partition }, i) => `${partition} ${key} ${i} list=a,list=b`);
    expect(read.sort()).toEqual(expected.sort());
  });

  test('an offset that retention has taken is reported, and the owner goes on at the earliest', async () => {
    const topic = await topicOf('retention');
    const records = Array.from({ length: 10 }, (_, i) => record(topic, String(i)));
    await bus.write(records);
    const reported: unknown[] = [];
    const taken: string[] = [];
    const group = `${topic}.group`;
    const consume = (onPartition: (owned: OwnedPartition) => Promise<void>) =>
      bus.consume({ group, topic, delivery: 'exactly-once', onPartition, onError: (error) => reported.push(error) });
    let committed = false;
    const first = await consume(async (owned) => {
      await owned.fence();
      await owned.resume();
      await owned.commit({ outputs: [], nextOffset: 2 });
      committed = true;
    });
    await vi.waitFor(() => expect(committed).toBe(true), WAIT);
    await first.stop();
    await deleteBefore(topic, 6);
    const second = await consume(async (owned) => {
      await owned.fence();
      expect(await owned.resume()).toBe(6);
      while (!owned.lost.aborted && taken.length < 4) {
        taken.push(...(await owned.take(AMPLE)).records.map((r) => Buffer.from(r.value ?? []).toString()));
      }
    });
    await vi.waitFor(() => expect(taken).toHaveLength(4), WAIT);
    await second.stop();
    expect(taken).toEqual(['6', '7', '8', '9']);
    expect(reported.map(errorCode)).toEqual(['OFFSET_LOST']);
    expect(reported[0]).toMatchObject({ context: { offset: 2, earliest: 6 } });
  });

  test('records that retention takes under a running owner are reported, not skipped without a word', async () => {
    const topic = await topicOf('overtaken');
    // More than the consumer fetches ahead, so that it must come back for the rest.
    const large = (i: number) => record(topic, `${i}`.padEnd(900_000, '.'));
    for (let i = 0; i < 8; i++) await bus.write([large(i)]);
    const reported: unknown[] = [];
    const taken: string[] = [];
    const overtaken = new AbortController();
    const consumer = await bus.consume({
      group: `${topic}.group`,
      topic,
      delivery: 'exactly-once',
      onError: (error) => reported.push(error),
      onPartition: async (owned) => {
        await owned.fence();
        await owned.resume();
        while (!owned.lost.aborted) {
          const { records } = await owned.take(AMPLE);
          taken.push(
            ...records.map(({ value }) =>
              Buffer.from(value ?? [])
                .toString()
                .replaceAll('.', ''),
            ),
          );
          if (taken.length > 0) await sleepUnless(systemClock, WAIT.timeout, overtaken.signal);
        }
      },
    });
    await vi.waitFor(() => expect(taken).toContain('0'), WAIT);
    await deleteBefore(topic, 8);
    await bus.write([record(topic, 'new')]);
    overtaken.abort();
    await vi.waitFor(() => expect(taken).toContain('new'), WAIT);
    await consumer.stop();
    expect(reported.map(errorCode)).toEqual(['OFFSET_LOST']);
    expect(reported[0]).toMatchObject({ context: { earliest: 8, offset: taken.length - 1 } });
  });

  test('partitions that are added are assigned without a restart', async () => {
    const topic = await topicOf('growth', 1);
    const assigned: number[][] = [];
    const consumer = await bus.consume({
      group: `${topic}.group`,
      topic,
      delivery: 'exactly-once',
      onError: () => undefined,
      onAssigned: (partitions) => assigned.push([...partitions]),
      onPartition: async ({ lost }) => new Promise<void>((done) => lost.addEventListener('abort', () => done())),
    });
    await stock()
      .admin()
      .createPartitions({ topicPartitions: [{ topic, count: 3 }] });
    await vi.waitFor(() => expect(assigned.at(-1)).toEqual([0, 1, 2]), WAIT);
    await consumer.stop();
    expect(assigned[0]).toEqual([0]);
  });

  async function deleteBefore(topic: string, offset: number): Promise<void> {
    const admin = stock().admin();
    await admin.connect();
    await admin.fetchTopicOffsets(topic); // loads what the next call forgets to load
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] });
    await admin.disconnect();
  }
});

describe('a broker that goes away and comes back', () => {
  let broker: RunningBroker | null = null;
  beforeAll(async () => {
    broker = await findBroker({ killable: true });
    if (broker === null && isCi(process.env)) throw new MillraceError('BROKER_NOT_FOUND', { detail: 'on the JVM' });
  });
  afterAll(async () => {
    await broker?.stop();
  });

  test('is told once each way, and the copy goes on exactly once', async (context) => {
    const node = broker?.node(1) ?? null;
    if (broker === null || node === null) return context.skip('no broker that can be killed');
    const notices: string[] = [];
    const bus = kafkaBus(optionsFor(broker.brokers, (notice) => notices.push(notice.type)));
    const [from, to] = ['outage.in', 'outage.out'];
    await bus.admin.createTopics([from, to].map((name) => ({ name, partitions: 2, config: {} })));
    const errors: unknown[] = [];
    const onError = (error: unknown) => errors.push(error);
    const group = 'outage';
    await bus.consume({ group, topic: from, delivery: 'exactly-once', onPartition: copier(to), onError });
    const followed: string[] = [];
    const stop = new AbortController();
    const following = (async () => {
      for await (const batch of bus.read({ topic: to, from: 'earliest', until: 'never', signal: stop.signal })) {
        followed.push(...batch.records.map((read) => Buffer.from(read.value ?? []).toString()));
      }
    })();
    const write = (i: number) => bus.write([record(from, String(i), i % 2)], { deadlineMs: 60_000 });
    for (let i = 0; i < 200; i++) await write(i);
    await node.kill('SIGKILL');
    const during = write(200);
    await expect(bus.write([record(from, 'too late')], { deadlineMs: 300 })).rejects.toMatchObject({
      code: 'WRITE_FAILED',
    });
    await vi.waitFor(() => expect(notices).toEqual(['outage']), WAIT);
    await node.start();
    await during;
    for (let i = 201; i < 300; i++) await write(i);
    const expected = Array.from({ length: 300 }, (_, i) => String(i)).sort();
    // The write that failed may have reached the broker all the same.
    const withoutLate = (values: readonly string[]) => values.filter((value) => value !== 'too late').sort();
    await vi.waitFor(() => expect(withoutLate(followed)).toEqual(expected), WAIT);
    stop.abort();
    await following;
    expect(withoutLate(await valuesOf(bus, to))).toEqual(expected);
    expect(notices).toEqual(['outage', 'recovered']);
    await bus.close();
  });
});
