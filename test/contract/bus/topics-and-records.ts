// Goal: topics are created and described as asked, and records come back as they were written, byte for byte.
// Method: write, read back, compare; records at and just past the size limit of their topic.

import fc from 'fast-check';
import { expect } from 'vitest';
import type { OutRecord } from '../../../shared/domain/record.ts';
import { REQUEST_BYTES_MAX } from '../../../shared/domain/topics.ts';
import { type Behave, bytes, eventually, plain, readAll, readValues, ready, record, takeValues } from './world.ts';

export function topicBehaviour(behave: Behave): void {
  behave('creates the topics that are missing and leaves those that are there', async (world) => {
    const { admin } = world.bus;
    const old = { name: world.topicName(), partitions: 3, config: { 'cleanup.policy': 'compact' } };
    await admin.createTopics([old]);
    await world.bus.write([record(old.name, 'kept', { key: bytes('k') })]);
    const young = { name: world.topicName(), partitions: 2, config: {} };
    await admin.createTopics([old, young]);
    expect(await admin.partitions(old.name)).toBe(3);
    expect(await admin.partitions(young.name)).toBe(2);
    expect(await readValues(world.bus, old.name)).toEqual(['kept']);
    expect(await admin.topics()).toEqual(expect.arrayContaining([old.name, young.name]));
  });

  behave('refuses to create a topic that is there with another partition count', async (world) => {
    const name = await world.topic(2);
    const created = world.bus.admin.createTopics([{ name, partitions: 3, config: {} }]);
    await expect(created).rejects.toMatchObject({ code: 'TOPIC_MISMATCH', context: { actual: 2, expected: 3 } });
  });

  behave('adds partitions where there are fewer, keeps what is there, and refuses to take some away', async (world) => {
    const [name, other] = [await world.topic(1), await world.topic(2)];
    await world.bus.write([record(name, 'kept')]);
    const { admin } = world.bus;
    for (let run = 0; run < 2; run++) await admin.addPartitions([{ name, partitions: 2, config: {} }]);
    expect(await admin.partitions(name)).toBe(2);
    await world.bus.write([record(name, 'new', { partition: 1 })]);
    expect((await readValues(world.bus, name)).sort()).toEqual(['kept', 'new']);
    const fewer = admin.addPartitions([{ name: other, partitions: 1, config: {} }]);
    await expect(fewer).rejects.toMatchObject({ code: 'TOPIC_MISMATCH', context: { actual: 2, expected: 1 } });
    const unknown = admin.addPartitions([{ name: world.topicName(), partitions: 1, config: {} }]);
    await expect(unknown).rejects.toMatchObject({ code: 'TOPIC_UNKNOWN' });
  });

  behave('gives a group the partitions that are added, without disturbing the others', async (world) => {
    const topic = await world.topic(1);
    const held = await world.hold(world.bus, { topic });
    const first = await eventually('the partition is owned', () => held.partitions[0]);
    await world.bus.admin.addPartitions([{ name: topic, partitions: 2, config: {} }]);
    await eventually('both are owned', () => held.partitions.length === 2);
    expect(first.lost.aborted).toBe(false);
    const added = held.partitions.find((owned) => owned.partition === 1);
    await world.bus.write([record(topic, 'on', { partition: 1 })]);
    if (added !== undefined) await ready(added);
    expect(added === undefined ? [] : await takeValues(added, 1)).toEqual(['on']);
  });

  behave('says that there is no such topic', async (world) => {
    const name = world.topicName();
    expect(await world.bus.admin.partitions(name)).toBeNull();
    expect(await world.bus.admin.topics()).not.toContain(name);
    await expect(world.bus.write([record(name, 'x')])).rejects.toMatchObject({ code: 'TOPIC_UNKNOWN' });
    await expect(readAll(world.bus, name)).rejects.toMatchObject({ code: 'TOPIC_UNKNOWN' });
    expect(await world.bus.admin.partitions(name)).toBeNull();
  });

  behave('refuses a record without a key on a compacted topic, and takes a tombstone', async (world) => {
    const topic = await world.topic(1, { 'cleanup.policy': 'compact' });
    await expect(world.bus.write([record(topic, 'no key')])).rejects.toMatchObject({ code: 'WRITE_FAILED' });
    await world.bus.write([record(topic, 'gone', { key: bytes('k'), value: null })]);
    expect(await readValues(world.bus, topic)).toEqual([null]);
  });

  behave(
    'tells earliest, end and committed offset of every partition, and −1 where none is committed',
    async (world) => {
      const topic = await world.topic(2);
      await world.bus.write([record(topic, 'a', { partition: 1 }), record(topic, 'b', { partition: 1 })]);
      expect(await world.bus.admin.offsets(topic)).toEqual([
        { partition: 0, earliest: 0, end: 0 },
        { partition: 1, earliest: 0, end: 2 },
      ]);
      expect(await world.bus.admin.committed(world.group, topic)).toEqual([-1, -1]);
    },
  );

  behave('tells the offsets of the partitions that are asked for, and of no other', async (world) => {
    const topic = await world.topic(3);
    await world.bus.write([record(topic, 'a', { partition: 1 })]);
    expect(await world.bus.admin.offsets(topic, [1])).toEqual([{ partition: 1, earliest: 0, end: 1 }]);
    await expect(world.bus.admin.offsets(topic, [3])).rejects.toMatchObject({ code: 'TOPIC_UNKNOWN' });
  });
}

export function recordBehaviour(behave: Behave): void {
  behave('keeps key, value and headers byte for byte, null and empty apart', async (world) => {
    const topic = await world.topic();
    const written: OutRecord[] = [
      record(topic, 'plain', { key: bytes('k') }),
      record(topic, 'no key'),
      { topic, partition: 0, key: bytes('tombstone'), value: null, headers: [] },
      { topic, partition: 0, key: null, value: null, headers: [] },
      { topic, partition: 0, key: new Uint8Array(), value: new Uint8Array(), headers: [['empty', new Uint8Array()]] },
      { topic, partition: 0, key: Uint8Array.of(0, 0, 0, 0), value: Uint8Array.of(255, 254, 0, 128), headers: [] },
      record(topic, 'headers', {
        headers: [
          ['traceparent', bytes('00-ab')],
          ['again', bytes('first')],
          ['other', Uint8Array.of(0, 255)],
          ['again', bytes('second')],
          ['größe', bytes('ü')],
        ],
      }),
    ];
    await world.bus.write(written);
    const read = await readAll(world.bus, topic);
    expect(read.map(plain)).toEqual(written.map(plain));
    expect(read.map(({ offset }) => offset)).toEqual(written.map((_, index) => index));
  });

  behave('keeps whatever records random bytes make', async (world) => {
    const topic = await world.topic();
    const raw = fc.uint8Array({ maxLength: 40 });
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 });
    const any = fc.record({
      topic: fc.constant(topic),
      partition: fc.constant(0),
      key: fc.option(raw),
      value: fc.option(raw),
      headers: fc.array(fc.tuple(name, raw), { maxLength: 5 }),
    });
    const written = fc.sample(any, { numRuns: 300, seed: 7 });
    await world.bus.write(written);
    expect((await readAll(world.bus, topic)).map(plain)).toEqual(written.map(plain));
  });

  behave('keeps the order of writes within a partition, also of writes that overlap', async (world) => {
    const topic = await world.topic();
    const values = Array.from({ length: 50 }, (_, index) => String(index));
    await Promise.all(values.map((value) => world.bus.write([record(topic, value)])));
    expect(await readValues(world.bus, topic)).toEqual(values);
  });

  behave('stamps records with the time of writing', async (world) => {
    const topic = await world.topic();
    await world.bus.write([record(topic, 'a')]);
    const [first] = await readAll(world.bus, topic);
    expect(Math.abs((first?.timestampMs ?? 0) - Date.now())).toBeLessThan(60_000);
  });
}

/** Bytes of a batch around the value of a single record without key and headers, for values of about a mebibyte. */
const BATCH_OVERHEAD_BYTES = 72;

export function sizeBehaviour(behave: Behave): void {
  const limited = { 'max.message.bytes': String(REQUEST_BYTES_MAX) };
  const largest = 'x'.repeat(REQUEST_BYTES_MAX - BATCH_OVERHEAD_BYTES);
  const several = Array.from({ length: 6 }, (_, index) => `${index} `.padEnd(400_000, '.'));

  behave('takes a record of exactly the largest size and refuses one of a byte more', async (world) => {
    const topic = await world.topic(1, limited);
    await world.bus.write([record(topic, largest)]);
    const refused = world.bus.write([record(topic, `${largest}x`)]);
    await expect(refused).rejects.toMatchObject({ code: 'RECORD_TOO_LARGE', context: { topic } });
    expect(same(await readValues(world.bus, topic), [largest])).toBe(true);
  });

  behave('takes many records that only together are larger than the limit', async (world) => {
    const topic = await world.topic(1, limited);
    await world.bus.write(several.map((value) => record(topic, value)));
    expect(same(await readValues(world.bus, topic), several)).toBe(true);
    const narrow = await world.topic(1, { 'max.message.bytes': '1000' });
    const short = several.map((value) => value.slice(0, 700));
    await world.bus.write(short.map((value) => record(narrow, value)));
    expect(await readValues(world.bus, narrow)).toEqual(short);
  });

  behave('commits outputs that only together are larger than the limit, and the largest record', async (world) => {
    const topic = await world.topic();
    const to = await world.topic(1, limited);
    const owned = await world.holdOne(topic);
    const values = [...several, largest, 'small'];
    await owned.commit({ outputs: values.map((value) => record(to, value)), nextOffset: 0 });
    expect(same(await readValues(world.bus, to), values)).toBe(true);
  });

  behave(
    'refuses a commit with a record that is too large, shows nothing of it, and wants a new fence',
    async (world) => {
      const topic = await world.topic();
      const to = await world.topic(1, limited);
      await world.bus.write([record(topic, 'in')]);
      const owned = await world.holdOne(topic);
      const outputs = [record(to, 'small'), record(to, `${largest}x`)];
      await expect(owned.commit({ outputs, nextOffset: 1 })).rejects.toMatchObject({
        code: 'RECORD_TOO_LARGE',
        context: { topic: to, index: 1 },
      });
      await expect(owned.commit({ outputs: [], nextOffset: 1 })).rejects.toMatchObject({ code: 'NOT_FENCED' });
      await owned.fence();
      expect(await owned.resume()).toBe(0);
      expect(await readValues(world.bus, to)).toEqual([]);
      await owned.commit({ outputs: [record(to, 'instead')], nextOffset: 1 });
      expect(await readValues(world.bus, to)).toEqual(['instead']);
    },
  );
}

/** Equality without printing megabytes. */
function same(actual: readonly (string | null)[], expected: readonly string[]): boolean {
  return actual.length === expected.length && expected.every((value, index) => value === actual[index]);
}
