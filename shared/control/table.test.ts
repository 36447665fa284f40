// Goal: a table follows its topic for as long as it is open, whatever one read of it does.
// Method: the memory bus with a read that throws when the test says so; virtual time.

import { expect, it } from 'vitest';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import type { Bus, ReadOptions } from '../bus/bus.ts';
import { memoryBus } from '../bus/memory/memory-bus.ts';
import { memoryLog } from '../bus/memory/memory-log.ts';
import { openTable } from './table.ts';

const TOPIC = 'things';

/** A table of numbers over a topic whose reads fail at the next record while `faults` are left. */
async function tableWorld(startsWith: Readonly<Record<string, number | null>> = {}) {
  const clock = new VirtualClock();
  const log = memoryLog();
  log.createTopic({ name: TOPIC, partitions: 1, config: {} });
  const client = memoryBus(log, { clock, name: 'test' });
  const reads: ReadOptions['from'][] = [];
  const world = { clock, client, reads, faults: 0, problems: [] as unknown[], put, open };

  async function put(values: Readonly<Record<string, number | null>>): Promise<void> {
    const bytes = (text: string) => new TextEncoder().encode(text);
    const place = { topic: TOPIC, partition: 0, headers: [] };
    const entries = Object.entries(values);
    await client.write(
      entries.map(([key, value]) => ({ ...place, key: bytes(key), value: value === null ? null : bytes(`${value}`) })),
    );
  }

  async function* read(options: ReadOptions) {
    reads.push(options.from);
    for await (const batch of client.read(options)) {
      if (batch.records.length > 0 && world.faults-- > 0) throw new RangeError('a batch cannot be read');
      yield batch;
    }
  }

  function open() {
    const { kind, admin } = client;
    const bus: Bus = {
      ...{ kind, admin, read },
      consume: (options) => client.consume(options),
      write: (records) => client.write(records),
      close: () => client.close(),
    };
    return openTable({
      ...{ bus, clock, topic: TOPIC },
      decode: ({ value }) => Number(new TextDecoder().decode(value ?? new Uint8Array())),
      onProblem: (error) => world.problems.push(error),
    });
  }

  await put(startsWith);
  return world;
}

it('holds the newest value of each key once it is ready, and changes with the topic', async () => {
  const world = await tableWorld({ a: 1, b: 2 });
  const table = world.open();
  await table.ready;
  expect([...table.entries()]).toEqual([
    ['a', 1],
    ['b', 2],
  ]);
  const { changed } = table;
  await world.put({ a: 3, b: null });
  await world.clock.settle();
  expect(changed.aborted).toBe(true);
  expect([...table.entries()]).toEqual([['a', 3]]);
  await table.stop();
});

it('tells of a read that fails after it was ready, and goes on where it stood', async () => {
  const world = await tableWorld({ a: 1 });
  const table = world.open();
  await table.ready;
  world.faults = 2;
  await world.put({ a: 2 });
  await world.clock.until(() => table.get('a') === 2);
  expect(world.problems).toEqual([expect.any(RangeError), expect.any(RangeError)]);
  expect(world.reads).toEqual(['earliest', 1, 1]);
  await table.stop();
});

it('cannot be ready when its first read fails, and does not try again', async () => {
  const world = await tableWorld({ a: 1 });
  world.faults = 1;
  const table = world.open();
  await expect(table.ready).rejects.toThrow('a batch cannot be read');
  await world.clock.settle();
  expect([world.reads, world.problems]).toEqual([['earliest'], []]);
  await table.stop();
});

it('stops at once while it waits to read again', async () => {
  const world = await tableWorld({ a: 1 });
  const table = world.open();
  await table.ready;
  world.faults = 1;
  await world.put({ a: 2 });
  await world.clock.settle();
  expect(world.problems).toHaveLength(1);
  await table.stop();
  expect(table.get('a')).toBe(1);
});

it('ends with its bus', async () => {
  const world = await tableWorld({ a: 1 });
  const table = world.open();
  await table.ready;
  await world.client.close();
  await world.clock.settle();
  expect([world.reads.length, world.problems]).toEqual([1, []]);
  await table.stop();
});
