// Goal: batches reach their leaders once, in order, in requests that the protocol allows.
// Method: a stand-in for the connections that records the requests.

import { expect, test } from 'vitest';
import type { OutRecord } from '../../domain/record.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Connections } from './connections.ts';
import type { WireRequest } from './internals/client-types.ts';
import { BatchLimits, planPartitions, sendBatches, sequenceAfter } from './produce.ts';
import type { ProduceBatch } from './requests/produce.ts';

function out(partition: number, bytes = 10): OutRecord {
  return { topic: 't', partition, key: null, value: Buffer.alloc(bytes), headers: [] };
}

function batchesOf(records: readonly OutRecord[]): ProduceBatch[] {
  const head = { timestampMs: 0, producerId: 1n, producerEpoch: 0, firstSequence: 0, transactional: true };
  return planPartitions(records, new BatchLimits()).flatMap(({ topic, partition, plans }) =>
    plans.map((plan) => ({ topic, partition, plan, head })),
  );
}

/** Two leaders, even and odd partitions; partition 9 has none. */
function cluster(answer: (leader: string, body: Buffer) => Promise<unknown>) {
  const view = { leader: (_: string, partition: number) => (partition === 9 ? null : `leader${partition % 2}`) };
  const connections = {
    to: async (leader: string) => ({
      send: async (request: WireRequest<unknown>) => answer(leader, (await request.request.encode()).buffer),
    }),
    drop: () => undefined,
  };
  return {
    view: view as unknown as ClusterView,
    connections: connections as unknown as Connections,
    transactionalId: 'x',
    timeoutMs: 1_000,
  };
}

test('all partitions of one leader go into one request, and each batch has its outcome', async () => {
  const asked: string[] = [];
  const options = cluster(async (leader) => {
    asked.push(leader);
    return [0, 1, 2].map((partition) => ({ topic: 't', partition, code: partition === 2 ? 10 : 0 }));
  });
  const outcomes = await sendBatches(batchesOf([out(0), out(1), out(2), out(9)]), options);
  expect(asked.sort()).toEqual(['leader0', 'leader1']);
  const codes = Object.fromEntries(outcomes.map(({ batch, code }) => [batch.partition, code]));
  expect(codes).toEqual({ 0: 0, 1: 0, 2: 10, 9: 5 });
});

test('several batches of one partition go into requests of their own, in order and below the request limit', async () => {
  const sizes: number[] = [];
  const options = cluster(async (_, body) => {
    sizes.push(body.length);
    return [{ topic: 't', partition: 0, code: 0 }];
  });
  const batches = batchesOf(Array.from({ length: 30 }, () => out(0, 400_000)));
  expect(batches.length).toBeGreaterThan(10);
  const outcomes = await sendBatches(batches, options);
  expect(outcomes.map(({ batch }) => batch)).toEqual(batches);
  expect(sizes).toHaveLength(batches.length);
});

test('no answer is an outcome without a code', async () => {
  const options = cluster(() => Promise.reject(new RangeError('gone')));
  const [outcome] = await sendBatches(batchesOf([out(0)]), options);
  expect(outcome).toMatchObject({ code: null, error: { message: 'gone' } });
});

test('sequence numbers wrap to zero behind the largest int32', () => {
  expect(sequenceAfter(0, 5)).toBe(5);
  expect(sequenceAfter(2_147_483_647, 1)).toBe(0);
  expect(sequenceAfter(2_147_483_640, 10)).toBe(2);
  expect(sequenceAfter(2_147_483_640, 7)).toBe(2_147_483_647);
});

test('a refused batch of several records makes the next ones of its topic smaller', () => {
  const limits = new BatchLimits();
  const before = limits.of('t');
  limits.refused('t', 300_000);
  expect(limits.of('t')).toBe(150_000);
  limits.refused('t', 900_000);
  expect(limits.of('t')).toBe(150_000);
  expect(limits.of('other')).toBe(before);
});
