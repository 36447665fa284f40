// Goal: consumers of a group share the partitions, and hand them over without losing or doubling a record.
// Method: copiers in two processes join and leave while records are written.

import { expect } from 'vitest';
import type { GroupConsumer } from '../../../shared/bus/bus.ts';
import {
  aborted,
  type Behave,
  copyTo,
  eventually,
  numbered,
  readAll,
  readValues,
  ready,
  record,
  takeValues,
  text,
  type World,
} from './world.ts';

const PARTITIONS = 4;

export function sharingBehaviour(behave: Behave): void {
  behave('gives all partitions to one consumer, shares them with a second, and gives them back', async (world) => {
    const topic = await world.topic(PARTITIONS);
    const heard: (readonly number[])[] = [];
    const idle = { topic, onPartition: (owned: { readonly lost: AbortSignal }) => aborted(owned.lost) };
    const first = await world.consume(world.bus, { ...idle, onAssigned: (partitions) => heard.push(partitions) });
    await eventually('the first owns all', () => first.assigned.length === PARTITIONS);
    expect(first.assigned).toEqual([0, 1, 2, 3]);
    const second = await world.consume(await world.fixture.secondBus(), idle);
    await eventually('both own two', () => shares(first, second) === '2+2');
    expect([...first.assigned, ...second.assigned].sort()).toEqual([0, 1, 2, 3]);
    await second.stop();
    expect(second.assigned).toEqual([]);
    await eventually('the first owns all again', () => first.assigned.length === PARTITIONS);
    expect(heard.map((partitions) => partitions.length)).toEqual(expect.arrayContaining([PARTITIONS, 2]));
    expect(heard.at(-1)).toEqual([0, 1, 2, 3]);
  });

  behave('does not disturb the owner of a partition that stays', async (world) => {
    const topic = await world.topic(2);
    const held = await world.hold(world.bus, { topic });
    await eventually('both partitions are owned', () => held.partitions.length === 2);
    for (const partition of held.partitions) await ready(partition);
    const other = await world.hold(await world.fixture.secondBus(), { topic });
    const moved = await eventually('one partition moves', () => other.partitions[0]);
    const stayed = held.partitions.find((owned) => owned.partition !== moved.partition);
    expect(stayed?.lost.aborted).toBe(false);
    await world.bus.write([record(topic, 'on', { partition: stayed?.partition ?? -1 })]);
    if (stayed !== undefined) expect(await takeValues(stayed, 1)).toEqual(['on']);
    await stayed?.commit({ outputs: [], nextOffset: 1 });
    expect(held.partitions).toHaveLength(2);
  });

  behave('consumes everything exactly once across a join and a leave', async (world) => {
    const topic = await world.topic(PARTITIONS);
    const to = await world.topic(PARTITIONS);
    // A handover may meet the last commit of the owner before: it is told so, and goes on elsewhere.
    const options = { topic, onPartition: copyTo({ to }), onError: () => {} };
    let written = 0;
    const write = async () => {
      await world.bus.write(numbered(topic, written, written + 40, PARTITIONS));
      written += 40;
    };
    const first = await world.consume(world.bus, options);
    await write();
    await eventually('the first copies', async () => (await readAll(world.bus, to)).length > 0);
    const second = await world.consume(await world.fixture.secondBus(), options);
    await eventually('both own two', async () => {
      await write();
      return shares(first, second) === '2+2';
    });
    await write();
    await first.stop();
    await write();
    await eventually('the second owns all', () => second.assigned.length === PARTITIONS);
    await write();
    await eventually('all is copied', async () => (await readAll(world.bus, to)).length >= written);
    await expectCopies(world, to, written);
  });

  behave('hands over where the owner before had committed', async (world) => {
    const topic = await world.topic();
    await world.bus.write(numbered(topic, 0, 10));
    const held = await world.hold(world.bus, { topic });
    const owned = await eventually('a partition is assigned', () => held.partitions[0]);
    await ready(owned);
    await takeValues(owned, 10);
    const stopping = held.consumer.stop();
    // The owner finishes its commit although the consumer is stopping.
    await owned.commit({ outputs: [], nextOffset: 4 });
    held.release();
    await stopping;
    const next = await world.hold(await world.fixture.secondBus(), { topic });
    const successor = await eventually('the next owner has it', () => next.partitions[0]);
    expect(await ready(successor)).toBe(4);
    expect(await takeValues(successor, 6)).toEqual(['4', '5', '6', '7', '8', '9']);
  });

  behave('gives a partition to the next owner only after the one that stops has finished', async (world) => {
    const topic = await world.topic();
    const steps: string[] = [];
    const first = await world.consume(world.bus, {
      topic,
      onPartition: async (partition) => {
        steps.push('first begins');
        await aborted(partition.lost);
        for (let asked = 0; asked < 20; asked++) await world.bus.admin.committed(world.group, topic);
        steps.push('first ends');
      },
    });
    await eventually('the first works', () => steps.length === 1);
    await world.consume(await world.fixture.secondBus(), {
      topic,
      onPartition: async (partition) => {
        steps.push('second begins');
        await aborted(partition.lost);
      },
    });
    await first.stop();
    await eventually('the second works', () => steps.includes('second begins'));
    expect(steps).toEqual(['first begins', 'first ends', 'second begins']);
  });

  behave('keeps groups apart', async (world) => {
    const topic = await world.topic();
    const [left, right] = [await world.topic(), await world.topic()];
    await world.bus.write(numbered(topic, 0, 5));
    await world.consume(world.bus, { topic, onPartition: copyTo({ to: left }) });
    await world.consume(world.bus, { topic, onPartition: copyTo({ to: right }), group: `${world.group}.right` });
    for (const to of [left, right]) {
      await eventually('all is copied', async () => (await readAll(world.bus, to)).length >= 5);
      await expectCopies(world, to, 5);
    }
  });
}

function shares(...consumers: readonly GroupConsumer[]): string {
  return consumers.map((consumer) => consumer.assigned.length).join('+');
}

/** `to` holds 0 … count − 1 exactly once, in order within each partition. */
async function expectCopies(world: World, to: string, count: number): Promise<void> {
  const copies = await readAll(world.bus, to);
  const numbers = copies.map((copy) => Number(text(copy.value)));
  expect([...numbers].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index));
  const partitions = (await world.bus.admin.partitions(to)) ?? 0;
  for (let partition = 0; partition < partitions; partition++) {
    const values = (await readValues(world.bus, to, { partitions: [partition] })).map(Number);
    expect(values).toEqual([...values].sort((a, b) => a - b));
  }
}
