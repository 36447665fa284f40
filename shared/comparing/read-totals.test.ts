// Goal: of every run and partition the newest totals that can be read are in force, and none of a run that was taken off.

import { beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { type MemoryBus, memoryBus } from '../bus/memory/memory-bus.ts';
import { memoryLog } from '../bus/memory/memory-log.ts';
import { encodeControl } from '../codec/control.ts';
import { COMPARISON_START } from '../comparison/comparison.ts';
import { runKey, type Totals } from '../domain/comparison.ts';
import { topicsOf } from '../domain/topics.ts';
import { readTotals } from './read-totals.ts';
import { totalsOf } from './saved.ts';

const topics = topicsOf('');
const topic = topics.endpoint('numbers', 'totals');
const unreadable: number[] = [];
let bus: MemoryBus;

beforeEach(async () => {
  unreadable.length = 0;
  bus = memoryBus(memoryLog(), { clock: new VirtualClock(), name: 'test' });
  await bus.admin.createTopics(topics.endpointTopicSpecs('numbers', 2));
});

/** Totals of a run, as they stand at a time. */
async function write(version: number, partition: number, value: number | Uint8Array | null): Promise<void> {
  const head = {
    ...{ endpoint: 'numbers', rollout: 'numbers-1', version, digest: 'd', partition, sampleBp: 10_000, sinceMs: 0 },
    ...{ ended: false, fields: [], tolerances: [] },
  };
  const key = new TextEncoder().encode(runKey(head));
  const made =
    typeof value === 'number'
      ? encodeControl('totals', totalsOf({ ...head, atMs: value }, COMPARISON_START).totals)
      : value;
  await bus.write([{ topic, partition, key, value: made, headers: [] }]);
}

function read(partitions?: readonly number[]): Promise<Totals[]> {
  const signal = new AbortController().signal;
  const where = partitions === undefined ? {} : { partitions };
  const onUnreadable = ({ offset }: { readonly offset: number }) => unreadable.push(offset);
  return readTotals({ bus, topics, endpoint: 'numbers', signal, onUnreadable, ...where });
}

const brief = (totals: readonly Totals[]) =>
  totals.map(({ version, partition, atMs }) => `${version} in ${partition} at ${atMs}`).sort();

describe('the totals in force', () => {
  it('are the newest of each run and partition', async () => {
    for (const atMs of [1, 2, 3]) for (const partition of [0, 1]) await write(2, partition, 10 * partition + atMs);
    await write(4, 1, 20);
    expect(brief(await read())).toEqual(['2 in 0 at 3', '2 in 1 at 13', '4 in 1 at 20']);
    expect(brief(await read([1]))).toEqual(['2 in 1 at 13', '4 in 1 at 20']);
    expect(unreadable).toEqual([]);
  });

  it('are the ones before, where the newest cannot be read; and that is told', async () => {
    for (const atMs of [1, 2]) await write(2, 0, atMs);
    await write(2, 0, new TextEncoder().encode('nonsense'));
    expect(brief(await read())).toEqual(['2 in 0 at 2']);
    expect(unreadable).toEqual([2]);
  });

  it('are none of a run that was taken off the record, whatever it held', async () => {
    await write(2, 0, 1);
    await write(2, 0, null);
    await write(4, 0, new TextEncoder().encode('nonsense'));
    expect(brief(await read())).toEqual([]);
    await write(2, 0, 5);
    expect(brief(await read())).toEqual(['2 in 0 at 5']);
  });
});
