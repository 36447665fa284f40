// Goal: what only the memory bus promises: deterministic time, fault hooks, crashed and stalled clients.
// Method: a virtual clock, two clients on one log. What every bus promises is in test/contract/bus.

import { describe, expect, test } from 'vitest';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { OutRecord } from '../../domain/record.ts';
import type { Bus, ConsumeOptions, OwnedPartition } from '../bus.ts';
import type { LogHooks } from './hooks.ts';
import { type MemoryBus, memoryBus } from './memory-bus.ts';
import { memoryLog } from './memory-log.ts';

const ONE = { name: 'in', partitions: 1, config: {} };
const OUT = { name: 'out', partitions: 1, config: {} };
const NO_WAIT = { maxRecords: 100, maxBytes: 1_000_000, maxWaitMs: 0 };

describe('faults on the memory bus', () => {
  test('a crashed client frees its partitions when its session expires, and its open transaction is never seen', async () => {
    const { log, clock, client } = world({
      beforeCommit: ({ client: name }) => {
        if (name === 'first') first.crash();
      },
    });
    const first = client('first');
    await first.admin.createTopics([ONE, OUT]);
    await first.write([record('in', 'a')]);
    await owner(first, { work: copyOnce });
    await clock.settle();
    expect(log.partition('out', 0).end).toBe(1);
    const second = client('second');
    await owner(second, { work: copyOnce });
    await clock.settle();
    expect(await second.admin.committed('g', 'in')).toEqual([-1]);
    await clock.advance(11_000);
    expect(await second.admin.committed('g', 'in')).toEqual([1]);
    expect(await values(second, 'out')).toEqual(['a']);
  });

  test('a stalled owner goes on working until the next owner fences, then commits no more', async () => {
    const { clock, client } = world({});
    const first = client('first');
    const second = client('second');
    await first.admin.createTopics([ONE, OUT]);
    await first.write([record('in', 'a'), record('in', 'b')]);
    const zombie = await owner(first);
    await clock.settle();
    await ready(zombie.partition);
    first.stall(true);
    const next = await owner(second);
    await clock.advance(11_000);
    const taken = await zombie.partition.take(NO_WAIT);
    await zombie.partition.commit({ outputs: [record('out', 'by zombie')], nextOffset: 1 });
    expect(await ready(next.partition)).toBe(1);
    const late = zombie.partition.commit({ outputs: [record('out', 'too late')], nextOffset: taken.nextOffset });
    await expect(late).rejects.toMatchObject({ code: 'FENCED' });
    expect(await values(second, 'out')).toEqual(['by zombie']);
    first.stall(false);
    await clock.advance(1_000);
    expect(zombie.partition.lost.aborted).toBe(true);
  });

  test('a lost answer to a commit is doubtful, and the committed offset tells that it happened', async () => {
    let lose = true;
    const { clock, client } = world({
      afterCommit: () => {
        if (lose) throw new RangeError('connection lost');
      },
    });
    const bus = client('first');
    await bus.admin.createTopics([ONE, OUT]);
    await bus.write([record('in', 'a')]);
    const held = await owner(bus);
    await clock.settle();
    await ready(held.partition);
    const commit = () => held.partition.commit({ outputs: [record('out', 'x')], nextOffset: 1 });
    await expect(commit()).rejects.toMatchObject({ code: 'COMMIT_DOUBTFUL' });
    await expect(commit()).rejects.toMatchObject({ code: 'NOT_FENCED' });
    lose = false;
    expect(await ready(held.partition)).toBe(1);
    expect(await values(bus, 'out')).toEqual(['x']);
  });

  test('a write whose answer is lost is written again', async () => {
    let losses = 1;
    const { clock, client } = world({
      afterAppend: () => {
        if (losses-- > 0) throw new RangeError('connection lost');
      },
    });
    const bus = client('first');
    await bus.admin.createTopics([ONE]);
    const written = bus.write([record('in', 'a')]);
    await clock.advance(1_000);
    await written;
    expect(await values(bus, 'in')).toEqual(['a', 'a']);
  });

  test('a write that is delayed delays those behind it', async () => {
    let delays = 1;
    const { clock, client } = world({
      beforeAppend: async () => {
        if (delays-- > 0) await clock.sleep(50);
      },
    });
    const bus = client('first');
    await bus.admin.createTopics([ONE]);
    const written = Promise.all(['a', 'b'].map((value) => bus.write([record('in', value)])));
    await clock.advance(100);
    await written;
    expect(await values(bus, 'in')).toEqual(['a', 'b']);
  });

  test('with at-least-once, the group refuses the offset of an owner that it has given up', async () => {
    const { clock, client } = world({});
    const first = client('first');
    await first.admin.createTopics([ONE, OUT]);
    await first.write([record('in', 'a')]);
    const zombie = await owner(first, { delivery: 'at-least-once' });
    await clock.settle();
    await ready(zombie.partition);
    first.stall(true);
    await owner(client('second'), { delivery: 'at-least-once' });
    await clock.advance(11_000);
    const late = zombie.partition.commit({ outputs: [record('out', 'twice')], nextOffset: 1 });
    await expect(late).rejects.toMatchObject({ code: 'FENCED' });
    expect(await values(first, 'out')).toEqual(['twice']);
    expect(await first.admin.committed('g', 'in')).toEqual([-1]);
  });

  test('a write that keeps failing gives up at its deadline', async () => {
    const { clock, client } = world({
      beforeAppend: () => {
        throw new RangeError('no broker');
      },
    });
    const bus = client('first');
    await bus.admin.createTopics([ONE]);
    const outcome = expect(bus.write([record('in', 'a')], { deadlineMs: 500 })).rejects.toMatchObject({
      code: 'WRITE_FAILED',
    });
    await clock.advance(600);
    await outcome;
  });

  test('a reader is held back by an open transaction until the broker times it out', async () => {
    const { log, clock, client } = world({});
    const bus = client('first');
    await bus.admin.createTopics([ONE]);
    const producer = log.transactions.fence({ transactionalId: 'raw', topic: 'in', partition: 0 });
    log.transactions.begin(producer, clock.nowMs());
    log.append([record('in', 'never')], clock.nowMs(), producer);
    await bus.write([record('in', 'behind')]);
    const read = values(bus, 'in');
    await clock.advance(4_000);
    expect(log.partition('in', 0).stable).toBe(0);
    await clock.advance(1_000);
    expect(await read).toEqual(['behind']);
    expect(() => log.commitTransaction(producer, null)).toThrow(/newer owner/);
  });

  test('a forced rebalance moves every partition, and both works are told', async () => {
    const { log, clock, client } = world({});
    const first = client('first');
    await first.admin.createTopics([{ name: 'in', partitions: 2, config: {} }]);
    const a = await owner(first);
    const b = await owner(client('second'));
    await clock.settle();
    const before = [a.consumer.assigned, b.consumer.assigned];
    log.groups.rotate({ group: 'g', topic: 'in' });
    await clock.settle();
    expect([b.consumer.assigned, a.consumer.assigned]).toEqual(before);
  });

  test('an owner whose committed offset is gone is told, and goes on at the earliest record', async () => {
    const { log, clock, client } = world({});
    const bus = client('first');
    await bus.admin.createTopics([ONE]);
    await bus.write([record('in', 'a'), record('in', 'b'), record('in', 'c')]);
    const told: unknown[] = [];
    const held = await owner(bus, { onError: (error) => told.push(error) });
    await clock.settle();
    await ready(held.partition);
    await held.partition.commit({ outputs: [], nextOffset: 1 });
    log.truncate('in', 0, 2);
    expect(await ready(held.partition)).toBe(2);
    expect(told).toMatchObject([{ code: 'OFFSET_LOST', context: { offset: 1, earliest: 2 } }]);
  });

  test('a work that has ended can do nothing with the partition that it was given', async () => {
    const { clock, client } = world({});
    const bus = client('first');
    await bus.admin.createTopics([ONE]);
    const held = await owner(bus, {
      work: async (partition) => {
        await ready(partition);
      },
    });
    await clock.settle();
    const lost = { code: 'PARTITION_LOST' };
    await expect(held.partition.commit({ outputs: [], nextOffset: 0 })).rejects.toMatchObject(lost);
    await expect(held.partition.fence()).rejects.toMatchObject(lost);
  });

  test('a client that the group has given up cannot fence its successor', async () => {
    const { clock, client } = world({});
    const first = client('first');
    await first.admin.createTopics([ONE]);
    const zombie = await owner(first);
    await clock.settle();
    first.stall(true);
    const next = await owner(client('second'));
    await clock.advance(11_000);
    await ready(next.partition);
    await expect(zombie.partition.fence()).rejects.toMatchObject({ code: 'PARTITION_LOST' });
    await next.partition.commit({ outputs: [], nextOffset: 0 });
  });

  test('a reader begins at the earliest record that retention has left', async () => {
    const { log, client } = world({});
    const bus = client('first');
    await bus.admin.createTopics([ONE]);
    await bus.write([record('in', 'a'), record('in', 'b')]);
    log.truncate('in', 0, 1);
    expect(await values(bus, 'in')).toEqual(['b']);
    expect(await bus.admin.offsets('in')).toEqual([{ partition: 0, earliest: 1, end: 2 }]);
  });
});

function world(hooks: LogHooks) {
  const clock = new VirtualClock();
  const log = memoryLog({ hooks });
  return { log, clock, client: (name: string) => memoryBus(log, { clock, name }) };
}

function record(topic: string, value: string): OutRecord {
  return { topic, partition: 0, key: null, value: new TextEncoder().encode(value), headers: [] };
}

interface OwnerOptions {
  /** By default it only holds on to its partition until that is lost. */
  readonly work?: (partition: OwnedPartition) => Promise<void>;
  readonly delivery?: ConsumeOptions['delivery'];
  readonly onError?: (error: unknown) => void;
}

/** A consumer in group `g`. */
async function owner(bus: MemoryBus, options: OwnerOptions = {}) {
  const { work = untilLost, delivery = 'exactly-once', onError = rethrow } = options;
  const held: OwnedPartition[] = [];
  const consumer = await bus.consume({
    group: 'g',
    topic: 'in',
    delivery,
    onPartition: (partition) => {
      held.push(partition);
      return work(partition);
    },
    onError,
  });
  return {
    consumer,
    get partition(): OwnedPartition {
      const last = held[held.length - 1];
      if (last === undefined) throw new RangeError('nothing is owned');
      return last;
    },
  };
}

function rethrow(error: unknown): void {
  throw error;
}

async function copyOnce(partition: OwnedPartition): Promise<void> {
  await ready(partition);
  const { records, nextOffset } = await partition.take({ ...NO_WAIT, maxWaitMs: 1_000 });
  const outputs = records.map(({ key, value, headers }) => ({ topic: 'out', partition: 0, key, value, headers }));
  await partition.commit({ outputs, nextOffset });
}

async function ready(partition: OwnedPartition): Promise<number> {
  await partition.fence();
  return partition.resume();
}

function untilLost(partition: OwnedPartition): Promise<void> {
  return new Promise((resolve) => {
    partition.lost.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function values(bus: Bus, topic: string): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of bus.read({ topic, from: 'earliest', until: 'end' })) {
    for (const { value } of batch.records) found.push(new TextDecoder().decode(value ?? new Uint8Array()));
  }
  return found;
}
