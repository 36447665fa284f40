// Goal: a take gives no more than it was allowed to and waits no longer than it was told to.
// Method: one owner of one partition; waits are ended by records, by the wake signal, by loss, or by time.

import { expect } from 'vitest';
import { AMPLE, type Behave, eventually, numbered, ready, record, takeValues, text, turn } from './world.ts';

/** A wait that would fail the test if it ran to its end. */
const FOREVER_MS = 120_000;

export function takingBehaviour(behave: Behave): void {
  behave('takes at most maxRecords, in order, and goes on there', async (world) => {
    const topic = await world.topic();
    await world.bus.write(numbered(topic, 0, 7));
    const owned = await world.holdOne(topic);
    const sizes: number[] = [];
    const values: (string | null)[] = [];
    await eventually('all is taken', async () => {
      const taken = await owned.take({ ...AMPLE, maxRecords: 3 });
      sizes.push(taken.records.length);
      values.push(...taken.records.map((found) => text(found.value)));
      return taken.nextOffset === 7;
    });
    expect(Math.max(...sizes)).toBe(3);
    expect(values).toEqual(['0', '1', '2', '3', '4', '5', '6']);
  });

  behave('takes at most maxBytes, except for a single record that is larger', async (world) => {
    const topic = await world.topic();
    const large = { headers: [['name', new Uint8Array(96)] as const] };
    await world.bus.write([
      record(topic, 'a'.repeat(40)),
      record(topic, 'b'.repeat(40)),
      record(topic, 'c'.repeat(40)),
      record(topic, 'd'.repeat(1), large),
      record(topic, 'e'.repeat(1)),
    ]);
    const owned = await world.holdOne(topic);
    const batches: string[] = [];
    await eventually('all is taken', async () => {
      const taken = await owned.take({ ...AMPLE, maxBytes: 80 });
      if (taken.records.length > 0) batches.push(taken.records.map((found) => text(found.value)?.[0]).join(''));
      return taken.nextOffset === 5;
    });
    expect(batches).toEqual(['ab', 'c', 'd', 'e']);
  });

  behave('takes every record once from a log with gaps', async (world) => {
    const topic = await world.topic();
    const raw = await world.producer('raw');
    for (const value of ['a', 'b', 'c', 'd', 'e']) {
      const transaction = await raw.begin();
      await transaction.send([record(topic, value)]);
      await transaction.commit();
    }
    const owned = await world.holdOne(topic);
    const offsets: number[] = [];
    await eventually('all is taken', async () => {
      const taken = await owned.take({ ...AMPLE, maxRecords: 2, maxWaitMs: 200 });
      offsets.push(...taken.records.map(({ offset }) => offset));
      return taken.nextOffset === 10;
    });
    expect(offsets).toEqual([0, 2, 4, 6, 8]);
  });

  behave('takes a batch that does not begin at a batch boundary of the log', async (world) => {
    const topic = await world.topic();
    await world.bus.write(numbered(topic, 0, 10));
    const owned = await world.holdOne(topic);
    await owned.commit({ outputs: [], nextOffset: 6 });
    await ready(owned);
    expect(await takeValues(owned, 4)).toEqual(['6', '7', '8', '9']);
  });
}

export function waitingBehaviour(behave: Behave): void {
  behave('waits maxWaitMs for a record, no longer, and then gives an empty batch', async (world) => {
    const topic = await world.topic();
    const owned = await world.holdOne(topic);
    const startedMs = performance.now();
    expect(await owned.take({ ...AMPLE, maxWaitMs: 150 })).toEqual({ records: [], nextOffset: 0 });
    const waitedMs = performance.now() - startedMs;
    expect(waitedMs).toBeGreaterThan(140);
    expect(waitedMs).toBeLessThan(5_000);
  });

  behave('ends the wait when a record comes', async (world) => {
    const topic = await world.topic();
    const owned = await world.holdOne(topic);
    const taking = owned.take({ ...AMPLE, maxWaitMs: FOREVER_MS });
    await turn();
    await world.bus.write([record(topic, 'here')]);
    const { records, nextOffset } = await taking;
    expect(records.map((found) => text(found.value))).toEqual(['here']);
    expect(nextOffset).toBe(1);
  });

  behave('ends the wait when it is woken, and takes on afterwards', async (world) => {
    const topic = await world.topic();
    const owned = await world.holdOne(topic);
    const wake = new AbortController();
    const taking = owned.take({ ...AMPLE, maxWaitMs: FOREVER_MS, wake: wake.signal });
    await turn();
    wake.abort();
    expect((await taking).records).toEqual([]);
    expect((await owned.take({ ...AMPLE, maxWaitMs: FOREVER_MS, wake: wake.signal })).records).toEqual([]);
    await world.bus.write([record(topic, 'later')]);
    expect(await takeValues(owned, 1)).toEqual(['later']);
  });

  behave('gives an empty batch when the partition is lost, at once and afterwards', async (world) => {
    const topic = await world.topic();
    const held = await world.hold(world.bus, { topic });
    const owned = await eventually('a partition is assigned', () => held.partitions[0]);
    await ready(owned);
    const taking = owned.take({ ...AMPLE, maxWaitMs: FOREVER_MS });
    await turn();
    const stopping = held.consumer.stop();
    expect((await taking).records).toEqual([]);
    expect(owned.lost.aborted).toBe(true);
    await world.bus.write([record(topic, 'not for the loser')]);
    expect((await owned.take({ ...AMPLE, maxWaitMs: FOREVER_MS })).records).toEqual([]);
    await expect(owned.fence()).rejects.toMatchObject({ code: 'PARTITION_LOST' });
    held.release();
    await stopping;
  });
}
