// Goal: an owner works in the order fence → resume → take → commit, commits atomically, and begins again after failures.
// Method: one owner of one partition, driven step by step.

import { expect } from 'vitest';
import {
  AMPLE,
  aborted,
  type Behave,
  copyOf,
  copyTo,
  eventually,
  numbered,
  readAll,
  readValues,
  ready,
  record,
  takeValues,
  text,
} from './world.ts';

export function orderBehaviour(behave: Behave): void {
  behave('refuses to resume, take or commit before the fence, and to take or commit before resuming', async (world) => {
    const topic = await world.topic();
    const held = await world.hold(world.bus, { topic });
    const owned = await eventually('a partition is assigned', () => held.partitions[0]);
    const notFenced = { code: 'NOT_FENCED', context: { topic, partition: 0 } };
    await expect(owned.resume()).rejects.toMatchObject(notFenced);
    await expect(owned.take(AMPLE)).rejects.toMatchObject(notFenced);
    await expect(owned.commit({ outputs: [], nextOffset: 1 })).rejects.toMatchObject(notFenced);
    await owned.fence();
    await expect(owned.take(AMPLE)).rejects.toMatchObject(notFenced);
    await expect(owned.commit({ outputs: [], nextOffset: 1 })).rejects.toMatchObject(notFenced);
    expect(await owned.resume()).toBe(0);
    expect((await owned.take({ ...AMPLE, maxWaitMs: 0 })).records).toEqual([]);
    await owned.commit({ outputs: [], nextOffset: 0 });
  });

  behave(
    'begins where it is told when nothing was ever committed, and where it committed ever after',
    async (world) => {
      const topic = await world.topic();
      await world.bus.write(numbered(topic, 0, 10));
      const owned = await world.holdOne(topic);
      expect(await owned.resume(4)).toBe(4);
      expect(await takeValues(owned, 6)).toEqual(['4', '5', '6', '7', '8', '9']);
      expect(await owned.resume('latest')).toBe(10);
      expect(await owned.resume({ timestampMs: 0 })).toBe(0);
      expect(await owned.resume(99)).toBe(10);
      await owned.commit({ outputs: [], nextOffset: 7 });
      await eventually(
        'the offset is there',
        async () => (await world.bus.admin.committed(world.group, topic))[0] === 7,
      );
      expect(await owned.resume('latest')).toBe(7);
      expect(await takeValues(owned, 3)).toEqual(['7', '8', '9']);
    },
  );

  behave('wants fence and resume again when it is fenced anew', async (world) => {
    const topic = await world.topic();
    const owned = await world.holdOne(topic);
    await owned.fence();
    await expect(owned.take(AMPLE)).rejects.toMatchObject({ code: 'NOT_FENCED' });
    await owned.resume();
    await owned.commit({ outputs: [], nextOffset: 0 });
  });
}

export function commitBehaviour(behave: Behave): void {
  behave('copies everything exactly once, and commits what it says', async (world) => {
    const topic = await world.topic();
    const to = await world.topic();
    await world.bus.write(numbered(topic, 0, 100));
    await world.consume(world.bus, { topic, onPartition: copyTo({ to, maxRecords: 7 }) });
    const committed = () => world.bus.admin.committed(world.group, topic);
    await eventually('all is committed', async () => (await committed())[0] === 100);
    const copies = await readAll(world.bus, to);
    expect(copies.map((copy) => text(copy.value))).toEqual(Array.from({ length: 100 }, (_, index) => String(index)));
  });

  behave('commits exactly the offset that it was given, also without outputs', async (world) => {
    const topic = await world.topic();
    await world.bus.write(numbered(topic, 0, 10));
    const owned = await world.holdOne(topic);
    for (const nextOffset of [3, 8]) {
      await owned.commit({ outputs: [], nextOffset });
      // A broker that has promised the commit may still be writing it down.
      await eventually('the offset is there', async () => {
        return (await world.bus.admin.committed(world.group, topic))[0] === nextOffset;
      });
    }
    expect(await ready(owned)).toBe(8);
    expect(await takeValues(owned, 2)).toEqual(['8', '9']);
  });

  behave('moves nextOffset past markers and aborted records', async (world) => {
    const topic = await world.topic();
    const raw = await world.producer('raw');
    const done = await raw.begin();
    await done.send([record(topic, 'done')]);
    await done.commit();
    const undone = await raw.begin();
    await undone.send([record(topic, 'undone')]);
    await undone.abort();
    const owned = await world.holdOne(topic);
    let nextOffset = 0;
    const values: (string | null)[] = [];
    await eventually('the position is at the end', async () => {
      const taken = await owned.take({ ...AMPLE, maxWaitMs: 200 });
      values.push(...taken.records.map((found) => text(found.value)));
      nextOffset = taken.nextOffset;
      return nextOffset === 4;
    });
    expect(values).toEqual(['done']);
    expect((await world.bus.admin.offsets(topic))[0]?.end).toBe(nextOffset);
    await owned.commit({ outputs: [], nextOffset });
    expect(await ready(owned)).toBe(4);
  });

  behave('takes the next batch while a commit is in flight', async (world) => {
    const topic = await world.topic();
    const to = await world.topic();
    await world.bus.write(numbered(topic, 0, 40));
    const owned = await world.holdOne(topic);
    let committing = Promise.resolve();
    await eventually('all is taken', async () => {
      const taken = await owned.take({ ...AMPLE, maxRecords: 6 });
      await committing;
      const outputs = taken.records.map((found) => copyOf(found, to));
      committing = owned.commit({ outputs, nextOffset: taken.nextOffset });
      return taken.nextOffset === 40;
    });
    await committing;
    expect(await readValues(world.bus, to)).toEqual(numbered(to, 0, 40).map(({ value }) => text(value)));
  });

  behave('writes to several topics and partitions in one commit', async (world) => {
    const topic = await world.topic();
    const [left, right] = [await world.topic(2), await world.topic()];
    const owned = await world.holdOne(topic);
    const outputs = [record(left, 'a'), record(right, 'b'), record(left, 'c', { partition: 1 }), record(left, 'd')];
    await owned.commit({ outputs, nextOffset: 0 });
    expect(await readValues(world.bus, left, { partitions: [0] })).toEqual(['a', 'd']);
    expect(await readValues(world.bus, left, { partitions: [1] })).toEqual(['c']);
    expect(await readValues(world.bus, right)).toEqual(['b']);
  });
}

export function restartBehaviour(behave: Behave): void {
  behave('reports a work that fails and starts it again where it had committed', async (world) => {
    const topic = await world.topic();
    const to = await world.topic();
    await world.bus.write(numbered(topic, 0, 10));
    const reported: unknown[] = [];
    const copy = copyTo({ to });
    let failures = 2;
    await world.consume(world.bus, {
      topic,
      onPartition: async (partition) => {
        if (failures-- > 0) {
          const from = await ready(partition);
          const taken = await partition.take({ ...AMPLE, maxRecords: 3 });
          const outputs = taken.records.map((found) => copyOf(found, to));
          await partition.commit({ outputs, nextOffset: taken.nextOffset });
          throw new RangeError(`failed after ${from}`);
        }
        await copy(partition);
      },
      onError: (error, partition) => reported.push([String(error), partition]),
    });
    await eventually('all is copied', async () => (await readValues(world.bus, to)).length === 10);
    expect(reported).toEqual([
      ['RangeError: failed after 0', 0],
      ['RangeError: failed after 3', 0],
    ]);
    expect(await readValues(world.bus, to)).toEqual(numbered(to, 0, 10).map(({ value }) => text(value)));
  });
}

export function atLeastOnceBehaviour(behave: Behave): void {
  const delivery = 'at-least-once';

  behave('with at-least-once, keeps the order of steps and commits outputs and offset', async (world) => {
    const topic = await world.topic();
    const to = await world.topic();
    await world.bus.write(numbered(topic, 0, 5));
    const held = await world.hold(world.bus, { topic, delivery });
    const owned = await eventually('a partition is assigned', () => held.partitions[0]);
    await expect(owned.take(AMPLE)).rejects.toMatchObject({ code: 'NOT_FENCED' });
    await ready(owned);
    const outputs = (await takeValues(owned, 5)).map((value) => record(to, String(value)));
    await owned.commit({ outputs, nextOffset: 5 });
    expect(await readValues(world.bus, to)).toEqual(['0', '1', '2', '3', '4']);
    expect(await world.bus.admin.committed(world.group, topic)).toEqual([5]);
  });

  behave('with at-least-once, a commit that fails leaves the offset behind its outputs', async (world) => {
    const topic = await world.topic();
    const to = await world.topic(1, { 'max.message.bytes': '500' });
    await world.bus.write(numbered(topic, 0, 2));
    const owned = await world.holdOne(topic, { delivery });
    const outputs = [record(to, 'small'), record(to, 'x'.repeat(600))];
    await expect(owned.commit({ outputs, nextOffset: 2 })).rejects.toMatchObject({ code: 'RECORD_TOO_LARGE' });
    await expect(owned.take(AMPLE)).rejects.toMatchObject({ code: 'NOT_FENCED' });
    expect(await world.bus.admin.committed(world.group, topic)).toEqual([-1]);
    expect(await ready(owned)).toBe(0);
    expect(await takeValues(owned, 2)).toEqual(['0', '1']);
  });

  behave('with at-least-once, a crash between outputs and offset doubles records and loses none', async (world) => {
    const topic = await world.topic();
    const to = await world.topic();
    await world.bus.write(numbered(topic, 0, 6));
    let crashes = 1;
    await world.consume(world.bus, {
      topic,
      delivery,
      onPartition: async (partition) => {
        await ready(partition);
        const values = await takeValues(partition, 6);
        const outputs = values.map((value) => record(to, String(value)));
        // What a crash in the middle of `commit` leaves: the outputs, and no offset.
        if (crashes-- > 0) {
          await world.bus.write(outputs);
          throw new RangeError('crash');
        }
        await partition.commit({ outputs, nextOffset: 6 });
        await aborted(partition.lost);
      },
      onError: () => {},
    });
    await eventually('the offset is committed', async () => {
      return (await world.bus.admin.committed(world.group, topic))[0] === 6;
    });
    const once = ['0', '1', '2', '3', '4', '5'];
    expect(await readValues(world.bus, to)).toEqual([...once, ...once]);
  });
}
