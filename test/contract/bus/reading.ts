// Goal: readers without a group begin and end where they were told, and tell where they stand.
// Method: readers of every kind over short topics; open-ended ones are followed record by record.

import { expect } from 'vitest';
import type { ReadBatch, ReadFrom } from '../../../shared/bus/bus.ts';
import { type Behave, eventually, numbered, readAll, readValues, record, text } from './world.ts';

export function readingBehaviour(behave: Behave): void {
  behave('gives the first batch of each partition even when it is empty', async (world) => {
    const topic = await world.topic(3);
    const seen: ReadBatch[] = [];
    for await (const batch of world.bus.read({ topic, from: 'earliest', until: 'end' })) seen.push(batch);
    seen.sort((a, b) => a.partition - b.partition);
    expect(seen).toEqual([0, 1, 2].map((partition) => ({ partition, records: [], nextOffset: 0, endOffset: 0 })));
  });

  behave('gives an empty first batch also to a reader that follows', async (world) => {
    const topic = await world.topic(2);
    const stop = new AbortController();
    const seen = new Set<number>();
    for await (const batch of world.bus.read({ topic, from: 'latest', until: 'never', signal: stop.signal })) {
      seen.add(batch.partition);
      if (seen.size === 2) stop.abort();
    }
    expect([...seen].sort()).toEqual([0, 1]);
  });

  behave('begins at the earliest, the latest, an offset or a time', async (world) => {
    const topic = await world.topic();
    await world.bus.write(numbered(topic, 0, 3));
    const before = (await readAll(world.bus, topic)).at(-1)?.timestampMs ?? 0;
    await eventually('the clock has moved on', () => Date.now() > before + 5);
    await world.bus.write(numbered(topic, 3, 6));
    const from = (start: ReadFrom) => readValues(world.bus, topic, { from: start });
    expect(await from('earliest')).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(await from('latest')).toEqual([]);
    expect(await from(4)).toEqual(['4', '5']);
    expect(await from(6)).toEqual([]);
    expect(await from({ timestampMs: before + 1 })).toEqual(['3', '4', '5']);
    expect(await from({ timestampMs: 0 })).toHaveLength(6);
    expect(await from({ timestampMs: Date.now() + 3_600_000 })).toEqual([]);
  });

  behave('begins where each partition was told to, and reads only the partitions that were named', async (world) => {
    const topic = await world.topic(3);
    await world.bus.write(numbered(topic, 0, 9, 3));
    const start = new Map<number, ReadFrom>([
      [0, 'earliest'],
      [2, 2],
    ]);
    const values = await readValues(world.bus, topic, { partitions: [0, 2], from: start });
    expect(values.sort()).toEqual(['0', '3', '6', '8']);
  });

  behave('stops at the end as it was when the read began', async (world) => {
    const topic = await world.topic();
    await world.bus.write(numbered(topic, 0, 2_500));
    const seen: string[] = [];
    let grown = false;
    for await (const batch of world.bus.read({ topic, from: 'earliest', until: 'end' })) {
      if (!grown) await world.bus.write([record(topic, 'too late')]);
      grown = true;
      seen.push(...batch.records.map((found) => String(text(found.value))));
    }
    expect(seen).toEqual(Array.from({ length: 2_500 }, (_, index) => String(index)));
  });
}

export function followingBehaviour(behave: Behave): void {
  behave('follows what is written later until it is aborted', async (world) => {
    const topic = await world.topic(2);
    const stop = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const batch of world.bus.read({ topic, from: 'earliest', until: 'never', signal: stop.signal })) {
        seen.push(...batch.records.map((found) => String(text(found.value))));
      }
    })();
    await world.bus.write([record(topic, 'a')]);
    await eventually('the first record is read', () => seen.includes('a'));
    await world.bus.write([record(topic, 'b', { partition: 1 }), record(topic, 'c')]);
    await eventually('the later ones are read', () => seen.includes('b') && seen.includes('c'));
    stop.abort();
    await reading;
    expect(seen.sort()).toEqual(['a', 'b', 'c']);
  });

  behave('gives position and end of the partition with each batch', async (world) => {
    const topic = await world.topic();
    await world.bus.write(numbered(topic, 0, 5));
    let last: ReadBatch | null = null;
    for await (const batch of world.bus.read({ topic, from: 2, until: 'end' })) last = batch;
    expect(last).toMatchObject({ partition: 0, nextOffset: 5, endOffset: 5 });
  });

  behave('ends its readers and consumers when it is closed', async (world) => {
    const topic = await world.topic();
    const other = await world.fixture.secondBus();
    const batches: ReadBatch[] = [];
    const reading = (async () => {
      for await (const batch of other.read({ topic, from: 'earliest', until: 'never' })) batches.push(batch);
    })();
    const held = await world.hold(other, { topic });
    const partition = await eventually('a partition is assigned', () => held.partitions[0]);
    await eventually('the reader has begun', () => batches.length > 0);
    const closing = other.close();
    await eventually('the partition is lost', () => partition.lost.aborted);
    held.release();
    await closing;
    await reading;
    expect(held.consumer.assigned).toEqual([]);
  });
}
