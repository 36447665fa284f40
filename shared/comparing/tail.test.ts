// Goal: whoever takes from a tail, from wherever and however slowly, gets every record from its place on, once and in order;
//       and as long as they keep together, the topic is read once for all of them.
// Method: a memory bus that counts its readers; inputs whose places, paces and pauses a seed draws.

import { expect, it } from 'vitest';
import { between, seeded } from '../../test/sim/random.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import type { ReadFrom } from '../bus/bus.ts';
import { memoryBus } from '../bus/memory/memory-bus.ts';
import { memoryLog } from '../bus/memory/memory-log.ts';
import { Input } from './input.ts';
import { Tail } from './tail.ts';

const TOPIC = 'things';
const RECORDS = 12_000;
const ROUNDS_MAX = 2_000;

async function world() {
  const clock = new VirtualClock();
  const bus = memoryBus(memoryLog(), { clock, name: 'test' });
  await bus.admin.createTopics([{ name: TOPIC, partitions: 1, config: {} }]);
  let readers = 0;
  const counting: Pick<typeof bus, 'read'> = {
    read: (options) => {
      readers += 1;
      return bus.read(options);
    },
  };
  const tail = new Tail({
    bus: Object.assign(Object.create(bus), counting),
    topic: TOPIC,
    partition: 0,
    fetchIntervalMs: 1_000,
    onChange() {},
  });
  let written = 0;
  const write = (count: number) => {
    const one = { topic: TOPIC, partition: 0, key: null, headers: [] };
    const values = Array.from({ length: count }, () => Buffer.from(String(written++)));
    return bus.write(values.map((value) => ({ ...one, value })));
  };
  return { clock, tail, write, readers: () => readers };
}

/** Takes up to `budget` records. */
function take(input: Input, budget: number, into: number[]): number {
  let taken = 0;
  for (; taken < budget && input.head !== null; taken++) {
    into.push(input.head.offset);
    input.shift();
  }
  return taken;
}

const from = (start: number, end = RECORDS) => Array.from({ length: end - start }, (_, i) => start + i);

it.each(Array.from({ length: 20 }, (_, i) => i + 1))('gives each input what it is to have (seed %i)', async (seed) => {
  const random = seeded(seed);
  const { clock, tail, write } = await world();
  const takers = Array.from({ length: between(random, 2, 9) }, () => {
    const start = between(random, 0, RECORDS - 1);
    const place: ReadFrom = random() < 0.2 ? { timestampMs: 0 } : start;
    const pace = between(random, 1, 700);
    const pause = { from: between(random, 0, 40), rounds: random() < 0.4 ? between(random, 1, 60) : 0 };
    return {
      start: typeof place === 'number' ? start : 0,
      input: new Input(tail, place),
      pace,
      pause,
      got: [] as number[],
    };
  });
  for (let round = 0, left = RECORDS; round < ROUNDS_MAX; round++) {
    const more = Math.min(left, between(random, 0, 2_000));
    left -= more;
    if (more > 0) await write(more);
    for (const { input, pace, pause, got } of takers) {
      const isPaused = round >= pause.from && round < pause.from + pause.rounds;
      if (!isPaused) take(input, pace, got);
    }
    tail.turn();
    await clock.advance(100);
    if (left === 0 && takers.every(({ start, got }) => got.length === RECORDS - start)) break;
  }
  for (const { start, got } of takers) expect(got).toEqual(from(start));
  await clock.advance(5_000);
  tail.turn();
  for (const { input } of takers) expect(input.atEnd).toBe(true);
  const stopped = Promise.all([tail.stop(), ...takers.map(({ input }) => input.stop())]);
  await clock.settle();
  await stopped;
});

it('is read once, however many take, and wherever they begin', async () => {
  const { clock, tail, write, readers } = await world();
  await write(RECORDS);
  const takers = [0, 1, 3_000, 7_000, 11_999].map((start) => ({
    start,
    input: new Input(tail, start),
    got: [] as number[],
  }));
  for (let round = 0; takers.some(({ start, got }) => got.length < RECORDS - start); round++) {
    expect(round).toBeLessThan(ROUNDS_MAX);
    for (const { input, got } of takers) take(input, 256, got);
    tail.turn();
    await clock.settle();
  }
  for (const { start, got } of takers) expect(got).toEqual(from(start));
  expect(readers()).toBe(1);
  await Promise.all([tail.stop(), clock.settle()]);
});

it('goes on without one who takes nothing, which comes after it by itself', async () => {
  const { clock, tail, write, readers } = await world();
  await write(RECORDS);
  const [still, busy] = [new Input(tail, 0), new Input(tail, 0)];
  const got = { still: [] as number[], busy: [] as number[] };
  const work = async (input: Input, into: number[]) => {
    for (let round = 0; round < 200; round++) {
      take(input, 256, into);
      tail.turn();
      await clock.settle();
    }
  };
  expect(still.head).toBe(null);
  await work(busy, got.busy);
  expect(got.busy).toEqual(from(0));
  expect(readers()).toBe(1);
  await work(still, got.still);
  expect(got.still).toEqual(from(0));
  expect(readers()).toBe(2);
  // Together again.
  await write(10);
  await work(busy, got.busy);
  await work(still, got.still);
  expect(got.still).toEqual(from(0, RECORDS + 10));
  expect(readers()).toBe(2);
  const stopped = Promise.all([tail.stop(), still.stop(), busy.stop()]);
  await clock.settle();
  await stopped;
});
