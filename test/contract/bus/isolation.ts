// Goal: read_committed shows what was committed and nothing else, whatever the order of transactions.
// Method: transactions are held open, committed and aborted by producers beside the port.

import fc from 'fast-check';
import { expect } from 'vitest';
import {
  type Behave,
  eventually,
  type RawTransaction,
  readAll,
  readValues,
  ready,
  record,
  takeValues,
  text,
  type World,
} from './world.ts';

const UNCOMMITTED = { isolation: 'read_uncommitted' } as const;

export function isolationBehaviour(behave: Behave): void {
  behave('hides an open transaction and everything behind it, then shows all in order', async (world) => {
    const topic = await world.topic();
    const a = await world.producer('a');
    const open = await a.begin();
    await world.bus.write([record(topic, 'before')]);
    await open.send([record(topic, 'within')]);
    await world.bus.write([record(topic, 'behind')]);
    const stop = new AbortController();
    const seen: (string | null)[] = [];
    const ends: number[] = [];
    const reading = (async () => {
      for await (const batch of world.bus.read({ topic, from: 'earliest', until: 'never', signal: stop.signal })) {
        seen.push(...batch.records.map((found) => text(found.value)));
        ends.push(batch.endOffset);
      }
    })();
    await eventually('what lies before the transaction is read', () => seen.length > 0);
    expect(await readValues(world.bus, topic, UNCOMMITTED)).toEqual(['before', 'within', 'behind']);
    expect(seen).toEqual(['before']);
    expect(ends.at(-1)).toBe(1);
    await open.commit();
    await eventually('the rest is read', () => seen.length === 3);
    stop.abort();
    await reading;
    expect(seen).toEqual(['before', 'within', 'behind']);
  });

  behave('never shows an aborted record, unless uncommitted ones are asked for', async (world) => {
    const topic = await world.topic();
    const a = await world.producer('a');
    const undone = await a.begin();
    await undone.send([record(topic, 'undone')]);
    await undone.abort();
    const done = await a.begin();
    await done.send([record(topic, 'done')]);
    await done.commit();
    expect(await readValues(world.bus, topic)).toEqual(['done']);
    expect(await readValues(world.bus, topic, UNCOMMITTED)).toEqual(['undone', 'done']);
  });

  behave('counts markers in the end of a partition, so that offsets have gaps', async (world) => {
    const topic = await world.topic();
    const a = await world.producer('a');
    for (const value of ['first', 'second']) {
      const transaction = await a.begin();
      await transaction.send([record(topic, value)]);
      await transaction.commit();
    }
    expect((await readAll(world.bus, topic)).map(({ offset }) => offset)).toEqual([0, 2]);
    expect(await world.bus.admin.offsets(topic)).toEqual([{ partition: 0, earliest: 0, end: 4 }]);
    for await (const batch of world.bus.read({ topic, from: 3, until: 'end' })) {
      expect(batch).toMatchObject({ records: [], nextOffset: 4 });
    }
  });
}

export function overlapBehaviour(behave: Behave): void {
  behave('hides overlapping aborted transactions of several producers', async (world) => {
    const { topic, a, first, second } = await twoOpen(world);
    await second.abort();
    await first.send([record(topic, 'a undone too')]);
    await first.abort();
    const third = await a.begin();
    await third.send([record(topic, 'a done')]);
    await third.commit();
    expect(await readValues(world.bus, topic)).toEqual(['a done']);
    const owned = await world.holdOne(topic);
    expect(await takeValues(owned, 1)).toEqual(['a done']);
  });

  behave('hides two aborted transactions that are open already where the read begins', async (world) => {
    const { topic, first, second } = await twoOpen(world);
    // The broker lists aborts in the order of their ends; what the read meets first belongs to the one listed last.
    const from = 2;
    await second.send([record(topic, 'b undone too')]);
    await first.send([record(topic, 'a undone too')]);
    await first.abort();
    await second.abort();
    await world.bus.write([record(topic, 'done')]);
    expect(await readValues(world.bus, topic, { ...UNCOMMITTED, from })).toEqual([
      'b undone too',
      'a undone too',
      'done',
    ]);
    expect(await readValues(world.bus, topic, { from })).toEqual(['done']);
    const owned = await world.holdOne(topic);
    await owned.commit({ outputs: [], nextOffset: from });
    expect(await ready(owned)).toBe(from);
    expect(await takeValues(owned, 1)).toEqual(['done']);
  });

  behave('does not take a record whose key looks like a marker for one', async (world) => {
    const topic = await world.topic();
    const a = await world.producer('a');
    const key = Uint8Array.of(0, 0, 0, 0);
    const undone = await a.begin();
    await undone.send([record(topic, 'undone', { key })]);
    await undone.send([record(topic, 'undone too', { key })]);
    await undone.abort();
    await world.bus.write([record(topic, 'plain', { key })]);
    expect(await readValues(world.bus, topic)).toEqual(['plain']);
  });

  behave('shows exactly the committed records of a random history', async (world) => {
    const topic = await world.topic(2);
    const expected = await randomHistory(world, topic);
    const shown = await readAll(world.bus, topic);
    for (const partition of [0, 1]) {
      const values = shown.filter((found) => found.partition === partition).map((found) => text(found.value));
      expect(values).toEqual(expected.filter((found) => found.partition === partition).map(({ value }) => value));
    }
  });
}

/** Transactions of two producers, both open, each with one record: at 0 and at 1. */
async function twoOpen(world: World) {
  const topic = await world.topic();
  const a = await world.producer('a');
  const b = await world.producer('b');
  const first = await a.begin();
  await first.send([record(topic, 'a undone')]);
  const second = await b.begin();
  await second.send([record(topic, 'b undone')]);
  return { topic, a, first, second };
}

const HISTORY_STEPS = 80;

/** Sends, commits and aborts of three producers in random order. @returns what was committed, in log order */
async function randomHistory(world: World, topic: string) {
  const all = await Promise.all(['a', 'b', 'c'].map((name) => world.producer(name)));
  const step = fc.record({
    producer: fc.nat(2),
    partition: fc.nat(1),
    act: fc.constantFrom('send', 'send', 'send', 'commit', 'abort', 'plain'),
  });
  const steps = fc.sample(step, { numRuns: HISTORY_STEPS, seed: 11 });
  const written: { readonly partition: number; readonly value: string; done: boolean }[] = [];
  const open = new Map<number, { readonly transaction: RawTransaction; readonly sent: typeof written }>();
  const end = async (producer: number, act: 'commit' | 'abort') => {
    const running = open.get(producer);
    open.delete(producer);
    await running?.transaction[act]();
    if (act === 'commit') for (const entry of running?.sent ?? []) entry.done = true;
  };
  for (const [index, { producer, partition, act }] of steps.entries()) {
    if (act === 'commit' || act === 'abort') {
      await end(producer, act);
      continue;
    }
    const entry = { partition, value: String(index), done: act === 'plain' };
    written.push(entry);
    if (act === 'plain') {
      await world.bus.write([record(topic, entry.value, { partition })]);
      continue;
    }
    const raw = all[producer];
    if (raw === undefined) continue;
    const running = open.get(producer) ?? { transaction: await raw.begin(), sent: [] };
    open.set(producer, running);
    running.sent.push(entry);
    await running.transaction.send([record(topic, entry.value, { partition })]);
  }
  for (const producer of [...open.keys()]) await end(producer, producer === 0 ? 'commit' : 'abort');
  return written.filter(({ done }) => done);
}
