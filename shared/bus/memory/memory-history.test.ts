// Goal: the same seed gives the same history, byte for byte, under delays, lost answers, crashes and rebalances;
//       and exactly-once holds in each of them.
// Method: three copiers on a virtual clock, faults drawn from a seeded generator in the hooks; every hook call and the
//         final log are the history.

import { describe, expect, test } from 'vitest';
import { seeded } from '../../../test/sim/random.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import type { OwnedPartition } from '../bus.ts';
import { type MemoryBus, memoryBus } from './memory-bus.ts';
import { type MemoryLog, memoryLog } from './memory-log.ts';

const PARTITIONS = 3;
const RECORDS = 300;
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

describe('a simulated history', () => {
  test.each(SEEDS)('with seed %i copies every record exactly once, in order', async (seed) => {
    const { log } = await simulate(seed);
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const expected = Array.from({ length: RECORDS / PARTITIONS }, (_, index) =>
        String(index * PARTITIONS + partition),
      );
      expect(committed(log, 'out', partition)).toEqual(expected);
    }
  });

  test('is repeated exactly by its seed, and differs from that of another seed', async () => {
    const [first, again, other] = [await simulate(1), await simulate(1), await simulate(2)];
    expect(first.history.length).toBeGreaterThan(100);
    expect(again.history).toEqual(first.history);
    expect(other.history).not.toEqual(first.history);
  });
});

async function simulate(seed: number) {
  const clock = new VirtualClock();
  const startMs = clock.nowMs();
  const random = seeded(seed);
  const history: string[] = [];
  const buses = new Map<string, MemoryBus>();
  const fault = async (name: string, context: { readonly client: string }) => {
    history.push(`${clock.nowMs() - startMs} ${name} ${JSON.stringify(context)}`);
    await clock.sleep(Math.floor(random() * 30));
    const chance = random();
    if (chance < 0.04) throw new RangeError('lost');
    if (chance < 0.06 && context.client !== 'producer') buses.get(context.client)?.crash();
    if (chance > 0.97) log.groups.rotate({ group: 'g', topic: 'in' });
  };
  const log = memoryLog({
    hooks: {
      beforeCommit: (context) => fault('beforeCommit', context),
      afterCommit: (context) => fault('afterCommit', context),
      beforeFence: (context) => fault('beforeFence', context),
      onDeliver: async (context) => {
        history.push(`${clock.nowMs() - startMs} onDeliver ${JSON.stringify(context)}`);
        await clock.sleep(Math.floor(random() * 20));
      },
    },
  });
  const producer = memoryBus(log, { clock, name: 'producer' });
  await producer.admin.createTopics(['in', 'out'].map((name) => ({ name, partitions: PARTITIONS, config: {} })));
  await producer.write(
    Array.from({ length: RECORDS }, (_, index) => ({
      topic: 'in',
      partition: index % PARTITIONS,
      key: null,
      value: Buffer.from(String(index)),
      headers: [],
    })),
  );
  // Those that crash are replaced, as a supervisor does.
  for (let round = 0; round < 40; round++) {
    for (let number = buses.size; number < 3 + round / 4; number++) await startCopier(log, clock, buses);
    await clock.advance(2_000);
    if (done(log)) break;
  }
  for (const [topic, partition] of ['in', 'out'].flatMap((name) => [0, 1, 2].map((p) => [name, p] as const))) {
    history.push(`${topic}-${partition} ${log.partition(topic, partition).end} ${committed(log, topic, partition)}`);
  }
  return { history, log };
}

async function startCopier(log: MemoryLog, clock: VirtualClock, buses: Map<string, MemoryBus>): Promise<void> {
  const name = `copier-${buses.size}`;
  const bus = memoryBus(log, { clock, name });
  buses.set(name, bus);
  await bus.consume({
    group: 'g',
    topic: 'in',
    delivery: 'exactly-once',
    onPartition: copy,
    onError: () => {},
  });
}

async function copy(partition: OwnedPartition): Promise<void> {
  await partition.fence();
  await partition.resume();
  while (!partition.lost.aborted) {
    const { records, nextOffset } = await partition.take({ maxRecords: 4, maxBytes: 10_000, maxWaitMs: 500 });
    const outputs = records.map((record) => ({ ...record, topic: 'out' }));
    if (records.length > 0) await partition.commit({ outputs, nextOffset });
  }
}

function done(log: MemoryLog): boolean {
  return [0, 1, 2].every((partition) => log.groups.committed({ group: 'g', topic: 'in' }, partition) === RECORDS / 3);
}

function committed(log: MemoryLog, topic: string, partition: number): string[] {
  const limits = { isolation: 'read_committed', maxRecords: 10_000, maxBytes: 1_000_000 } as const;
  return log
    .partition(topic, partition)
    .fetch(0, limits)
    .records.map(({ value }) => String(value));
}

/** Numbers from 0 to 1. Source: mulberry32, Tommy Ettinger (public domain). */
