// Goal: an owner that has lost its partition without knowing cannot do harm once its successor has fenced; and what the
//       successor read before the fence is not to be trusted.
// Method: a second process joins and is given a partition whose old owner works on regardless. Each step of
//         fence → read → resume is left out once, and what goes wrong is shown.

import { expect } from 'vitest';
import type { Bus, OwnedPartition } from '../../../shared/bus/bus.ts';
import { transactionalIdOf } from '../../../shared/domain/groups.ts';
import {
  AMPLE,
  type Behave,
  eventually,
  numbered,
  readValues,
  ready,
  record,
  takeValues,
  type World,
} from './world.ts';

interface Displaced {
  /** Holds a partition that has gone to another process. It took the records 0 to 3 and committed none. */
  readonly zombie: OwnedPartition;
  /** The new owner of that partition: nothing done yet. */
  readonly successor: OwnedPartition;
  readonly bus: Bus;
  readonly topic: string;
  readonly committed: () => Promise<number | undefined>;
}

export function zombieBehaviour(behave: Behave): void {
  behave('refuses the commit of an owner whose successor has fenced, and shows nothing of it', async (world) => {
    const { zombie, successor, bus, committed } = await displaced(world);
    const to = await world.topic(2);
    await successor.fence();
    const late = zombie.commit({ outputs: [record(to, 'zombie')], nextOffset: 4 });
    await expect(late).rejects.toMatchObject({ code: 'FENCED' });
    await expect(zombie.commit({ outputs: [], nextOffset: 4 })).rejects.toMatchObject({ code: 'NOT_FENCED' });
    expect(await successor.resume()).toBe(0);
    expect(await takeValues(successor, 4)).toEqual(['0', '1', '2', '3']);
    await successor.commit({ outputs: [record(to, 'successor')], nextOffset: 4 });
    expect(await readValues(bus, to)).toEqual(['successor']);
    expect(await committed()).toBe(4);
  });

  behave('lets an owner that is not fenced yet commit, and its successor goes on behind that', async (world) => {
    const { zombie, successor, bus } = await displaced(world);
    const to = await world.topic(2);
    await zombie.commit({ outputs: [record(to, 'in time')], nextOffset: 3 });
    expect(await ready(successor)).toBe(3);
    expect(await takeValues(successor, 1)).toEqual(['3']);
    expect(await readValues(bus, to)).toEqual(['in time']);
  });

  behave('cannot be fenced by an owner that knows that it has lost the partition', async (world) => {
    const { zombie, successor } = await displaced(world);
    await eventually('the old owner hears of it', () => zombie.lost.aborted);
    await ready(successor);
    await expect(zombie.fence()).rejects.toMatchObject({ code: 'PARTITION_LOST' });
    await expect(zombie.resume()).rejects.toMatchObject({ code: 'PARTITION_LOST' });
    await successor.commit({ outputs: [], nextOffset: 1 });
  });
}

export function strangerBehaviour(behave: Behave): void {
  behave('lets anybody end what a silent owner left open, and readers go on at once', async (world) => {
    const [topic, to] = [await world.topic(), await world.topic()];
    const owner = { group: world.group, topic, partition: 0 };
    const silent = await world.fixture.producer(transactionalIdOf(owner));
    const open = await silent.begin();
    await open.send([record(to, 'left open')]);
    await world.bus.write([record(to, 'behind it')]);
    const reading = readValues(world.bus, to);
    const stranger = await world.fixture.secondBus();
    for (let run = 0; run < 2; run++) await stranger.admin.fence(owner);
    expect(await reading).toEqual(['behind it']);
    await expect(open.commit()).rejects.toThrow();
    expect(await readValues(world.bus, to)).toEqual(['behind it']);
  });

  behave('an owner that a stranger fenced is told so, and goes on from its own fence', async (world) => {
    const [topic, to] = [await world.topic(), await world.topic()];
    await world.bus.write(numbered(topic, 0, 4));
    const held = await world.hold(world.bus, { topic });
    const owned = await eventually('it is owned', () => held.partitions[0]);
    await ready(owned);
    await takeValues(owned, 4);
    await (await world.fixture.secondBus()).admin.fence({ group: world.group, topic, partition: 0 });
    const late = owned.commit({ outputs: [record(to, 'undone')], nextOffset: 4 });
    await expect(late).rejects.toMatchObject({ code: 'FENCED' });
    expect(owned.lost.aborted).toBe(false);
    expect(await ready(owned)).toBe(0);
    await takeValues(owned, 4);
    await owned.commit({ outputs: [record(to, 'done')], nextOffset: 4 });
    expect(await readValues(world.bus, to)).toEqual(['done']);
  });
}

export function leftOutBehaviour(behave: Behave): void {
  behave('without the fence, the committed offset that was read is stale', async (world) => {
    const { zombie, successor, committed } = await displaced(world);
    const before = (await committed()) ?? -1;
    await zombie.commit({ outputs: [], nextOffset: 3 });
    const behind = await ready(successor);
    expect({ before, behind }).toEqual({ before: -1, behind: 3 });
    // Behind the fence it is final: the zombie can move it no more.
    await expect(zombie.commit({ outputs: [], nextOffset: 4 })).rejects.toMatchObject({ code: 'FENCED' });
    expect(await committed()).toBe(3);
  });

  behave('without the fence, what earlier owners wrote is read incompletely', async (world) => {
    const { zombie, successor, bus } = await displaced(world);
    const cuts = await world.topic();
    const before = await readValues(bus, cuts);
    await zombie.commit({ outputs: [record(cuts, 'cut of the zombie')], nextOffset: 1 });
    await successor.fence();
    const behind = await readValues(bus, cuts);
    expect({ before, behind }).toEqual({ before: [], behind: ['cut of the zombie'] });
    const late = zombie.commit({ outputs: [record(cuts, 'another')], nextOffset: 2 });
    await expect(late).rejects.toMatchObject({ code: 'FENCED' });
    expect(await readValues(bus, cuts)).toEqual(behind);
  });

  behave('without the fence or without resuming, a successor gets no record', async (world) => {
    const { successor } = await displaced(world);
    const notFenced = { code: 'NOT_FENCED' };
    await expect(successor.resume()).rejects.toMatchObject(notFenced);
    await expect(successor.take(AMPLE)).rejects.toMatchObject(notFenced);
    await successor.fence();
    await expect(successor.take(AMPLE)).rejects.toMatchObject(notFenced);
    await expect(successor.commit({ outputs: [], nextOffset: 4 })).rejects.toMatchObject(notFenced);
  });
}

async function displaced(world: World): Promise<Displaced> {
  const topic = await world.topic(2);
  await world.bus.write([0, 1].flatMap((partition) => numbered(topic, 0, 4).map((one) => ({ ...one, partition }))));
  const held = await world.hold(world.bus, { topic });
  await eventually('both partitions are owned', () => held.partitions.length === 2);
  for (const partition of held.partitions) {
    await ready(partition);
    await takeValues(partition, 4);
  }
  const bus = await world.fixture.secondBus();
  const next = await world.hold(bus, { topic });
  const successor = await eventually('a partition moves', () => next.partitions[0]);
  const zombie = await eventually('its old owner', () =>
    held.partitions.find((owned) => owned.partition === successor.partition),
  );
  const committed = async () => (await bus.admin.committed(world.group, topic))[successor.partition];
  return { zombie, successor, bus, topic, committed };
}
