// Goal: a recount takes what its totals have taken and no more, however far the inputs stand apart.
// Method: answers and outputs lie in a memory bus; a task takes as much of them as it is told to.

import { afterEach, expect, it } from 'vitest';
import { markRecord } from '../../services/shadow/progress.ts';
import { ENDPOINT, pairsFrom, RUN } from '../../test/bench/comparator/answers.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { memoryBus } from '../bus/memory/memory-bus.ts';
import { memoryLog } from '../bus/memory/memory-log.ts';
import type { OutRecord } from '../domain/record.ts';
import { topicsOf } from '../domain/topics.ts';
import { limitsWith } from './limits.ts';
import { recountRun } from './recount.ts';
import { tailsOf } from './tail.ts';
import { Task } from './task.ts';

const LIMITS = limitsWith({ window: 20, labelWindow: 50, windowMs: 1_000 });
const PAIRS = 10;
const BEYOND_GAP = 10 * LIMITS.ahead;
const topics = topicsOf('');

function begun(): OutRecord {
  const { rollout, version, ...terms } = RUN;
  const progress = { kind: 'begun', from: 0, to: 0, sinceMs: 0, terms, atMs: 0 } as const;
  return markRecord(topics, { endpoint: ENDPOINT, rollout, version, partition: 0, ...progress });
}

/** Sources of [first, first + count), answered and scored. */
function pairs(first: number, count: number): OutRecord[] {
  const placed = (kind: 'predictions' | 'shadow', { key, value, headers }: Omit<OutRecord, 'topic' | 'partition'>) => ({
    ...{ topic: topics.endpoint(ENDPOINT, kind), partition: 0 },
    ...{ key, value, headers },
  });
  return pairsFrom(first, count, 'avro').flatMap(({ live, shadow }) => [
    placed('predictions', live),
    placed('shadow', shadow),
  ]);
}

let close = async () => {};
afterEach(() => close());

/** A run in a partition with these records, and its task. */
async function world(records: readonly OutRecord[]) {
  const clock = new VirtualClock();
  const bus = memoryBus(memoryLog(), { clock, name: 'test' });
  await bus.admin.createTopics(topics.endpointTopicSpecs(ENDPOINT, 1));
  await bus.write([begun(), ...records]);
  const tails = tailsOf(topics, ENDPOINT, { bus, partition: 0, fetchIntervalMs: 1_000, onChange() {} });
  const place = { topics, endpoint: ENDPOINT, limits: LIMITS };
  const task = new Task({ ...place, partition: 0, tails }, RUN, { markOffset: 0 });
  close = async () => {
    await task.stop();
    await Promise.all(Object.values(tails).map((tail) => tail.stop()));
    await bus.close();
  };
  /** Records that it took of those, until it has them or nothing more comes. */
  async function take(count: number): Promise<number> {
    let taken = 0;
    for (let idle = 0; taken < count && idle < 20; idle++) {
      const step = task.step(Math.min(count - taken, 1), clock.nowMs());
      taken += step;
      if (step > 0) idle = 0;
      for (const tail of Object.values(tails)) tail.turn();
      await clock.settle();
    }
    return taken;
  }
  const { signal } = new AbortController();
  const recounted = () => clock.driven(recountRun({ ...place, bus, clock, signal }, task.take(clock.nowMs()).totals));
  return { bus, task, take, recounted };
}

it('goes on where both inputs have a gap, and one of them was taken beyond it', async () => {
  const { task, take, recounted } = await world([...pairs(0, PAIRS), ...pairs(BEYOND_GAP, PAIRS)]);
  // The mark, what lies before the gap, and the first output behind it.
  expect(await take(1 + 2 * PAIRS + 1)).toBe(2 * PAIRS + 2);
  const { totals } = task.take(0);
  expect([totals.live.position, totals.shadow.position]).toEqual([PAIRS, PAIRS + 2]);
  expect(await recounted()).toMatchObject({ counts: { matched: PAIRS }, differences: [] });
});

it('finds of a comparison that has ended what it ended with, whatever came later', async () => {
  const { bus, task, take, recounted } = await world(pairs(0, PAIRS));
  expect(await take(1 + 2 * PAIRS)).toBe(2 * PAIRS + 1);
  task.finish();
  await bus.write(pairs(PAIRS, PAIRS));
  expect(await take(2 * PAIRS)).toBe(0);
  expect(await recounted()).toMatchObject({ counts: { matched: PAIRS }, differences: [] });
});
