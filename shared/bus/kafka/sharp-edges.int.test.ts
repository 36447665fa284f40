// Goal: two edges of kafkajs's consumer that only show over time on a live broker, and that ours must not have. The others
//       have their tests beside the code that guards against them; docs/adr/0002 lists which.

import { afterAll, expect, test, vi } from 'vitest';
import { describeWithBroker } from '../../../test/support/broker.ts';
import { systemClock } from '../../process/clock.ts';
import type { Bus, OwnedPartition } from '../bus.ts';
import { kafkaBus } from './kafka-bus.ts';

const WAIT = { timeout: 30_000, interval: 20 };
const SESSION_MS = 1_500;
const AMPLE = { maxRecords: 1_000, maxBytes: 4_000_000, maxWaitMs: 200 };

describeWithBroker('the consumer on a live broker', ({ brokers, prefix }) => {
  const bus: Bus = kafkaBus({
    ...{ brokers, clientId: 'edges', clock: systemClock, onNotice: () => undefined },
    ...{ sessionTimeoutMs: SESSION_MS, heartbeatIntervalMs: 300, transactionTimeoutMs: 1_000 },
  });
  afterAll(() => bus.close());

  const topicOf = async (name: string, partitions: number) => {
    const topic = `${prefix}${name}`;
    await bus.admin.createTopics([{ name: topic, partitions, config: {} }]);
    return topic;
  };
  const begin = async (owned: OwnedPartition) => {
    await owned.fence();
    await owned.resume();
  };

  test('work that calls nothing of the bus for twice the session timeout keeps its partition', async () => {
    const topic = await topicOf('silent', 1);
    const started: number[] = [];
    const committed: number[] = [];
    const errors: unknown[] = [];
    const consumer = await bus.consume({
      ...{ group: `${topic}.group`, topic, delivery: 'exactly-once', onError: (error) => errors.push(error) },
      onPartition: async (owned) => {
        started.push(owned.partition);
        await begin(owned);
        const { records, nextOffset } = await owned.take({ ...AMPLE, maxWaitMs: 10_000 });
        await systemClock.sleep(2 * SESSION_MS);
        await owned.commit({ outputs: [], nextOffset });
        committed.push(records.length);
        await new Promise<void>((done) => owned.lost.addEventListener('abort', () => done()));
      },
    });
    await bus.write([{ topic, partition: 0, key: null, value: Buffer.from('one'), headers: [] }]);
    await vi.waitFor(() => expect(committed).toEqual([1]), WAIT);
    await consumer.stop();
    expect({ started, errors }).toEqual({ started: [0], errors: [] });
  });

  test('a partition whose owner takes nothing does not hold back another of the same broker', async () => {
    const topic = await topicOf('beside', 2);
    const large = Buffer.alloc(900_000);
    // More than is fetched ahead of the owner that takes nothing.
    for (let i = 0; i < 12; i++) await bus.write([{ topic, partition: 0, key: null, value: large, headers: [] }]);
    let stalled = false;
    let taken = 0;
    const consumer = await bus.consume({
      ...{ group: `${topic}.group`, topic, delivery: 'exactly-once', onError: () => undefined },
      onPartition: async (owned) => {
        await begin(owned);
        if (owned.partition === 0) {
          stalled = true;
          await new Promise<void>((done) => owned.lost.addEventListener('abort', () => done()));
        }
        while (!owned.lost.aborted) taken += (await owned.take(AMPLE)).records.length;
      },
    });
    await vi.waitFor(() => expect(stalled).toBe(true), WAIT);
    for (let i = 1; i <= 40; i++) {
      await bus.write([{ topic, partition: 1, key: null, value: large, headers: [] }]);
      await vi.waitFor(() => expect(taken).toBe(i), WAIT);
    }
    await consumer.stop();
  });
});
