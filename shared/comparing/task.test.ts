// Goal: labels that name ids find their answers, however far behind the answers are read; a new owner counts what the old would.
// Method: answers and labels lie in a memory bus, as after an outage; a task takes them as fast as it likes.

import { expect, it } from 'vitest';
import { ENDPOINT, pairsFrom } from '../../test/bench/comparator/answers.ts';
import { denseStates } from '../../test/support/dense-states.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { memoryBus } from '../bus/memory/memory-bus.ts';
import { memoryLog } from '../bus/memory/memory-log.ts';
import { CONTROL_CONTENT_TYPE, encodeControl } from '../codec/control.ts';
import { fitted } from '../comparison/fitted.ts';
import type { Totals } from '../domain/comparison.ts';
import { HEADER, header } from '../domain/headers.ts';
import type { OutRecord } from '../domain/record.ts';
import { topicsOf } from '../domain/topics.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { tailsOf } from './tail.ts';
import { type Start, Task } from './task.ts';

const ANSWERS = 3_000;
/** A label by id goes to every partition, and only one knows it. */
const PARTITIONS = 6;
const STEP_RECORDS = 256;
const ROUNDS_MAX = 1_000;

const topics = topicsOf('');

function answers(): OutRecord[] {
  return pairsFrom(0, ANSWERS, 'avro').map(({ live }, source) => {
    const others = live.headers.filter(([name]) => name !== HEADER.requestId);
    const { key, value } = live;
    const topic = topics.endpoint(ENDPOINT, 'predictions');
    return { topic, partition: 0, key, value, headers: [...others, header(HEADER.requestId, `own-${source}`)] };
  });
}

function labels(): OutRecord[] {
  const topic = topics.endpoint(ENDPOINT, 'keyed-labels');
  const ids = Array.from({ length: ANSWERS * PARTITIONS }, (_, i) => {
    const source = Math.floor(i / PARTITIONS);
    return { source, requestId: i % PARTITIONS === 0 ? `own-${source}` : `foreign-${i}` };
  });
  return ids.map(({ source, requestId }) => {
    const value = encodeControl('keyed-label', { offset: -1, requestId, values: [1], requestsEnd: source + 1 });
    return { topic, partition: 0, key: null, value, headers: [CONTROL_CONTENT_TYPE] };
  });
}

/** A partition with answers, and tasks that read all of it. */
async function partition(records: readonly OutRecord[]) {
  const clock = new VirtualClock();
  const bus = memoryBus(memoryLog(), { clock, name: 'test' });
  await bus.admin.createTopics(topics.endpointTopicSpecs(ENDPOINT, 1));
  await bus.write(records);
  /** Steps until `isDone`, or nothing more comes. */
  async function run(start: Start, isDone: (totals: Totals) => boolean): Promise<Totals> {
    const tails = tailsOf(topics, ENDPOINT, { bus, partition: 0, fetchIntervalMs: 1_000, onChange() {} });
    const task = new Task({ topics, endpoint: ENDPOINT, partition: 0, limits: DEFAULT_LIMITS, tails }, null, start);
    let { totals } = task.take(clock.nowMs());
    for (let round = 0; round < ROUNDS_MAX && !isDone(totals); round++) {
      task.step(STEP_RECORDS, clock.nowMs());
      for (const tail of Object.values(tails)) tail.turn();
      await clock.settle();
      ({ totals } = task.take(clock.nowMs()));
    }
    await task.stop();
    await Promise.all(Object.values(tails).map((tail) => tail.stop()));
    return totals;
  }
  return { run, close: () => bus.close() };
}

it('takes a label no sooner than the answers to what was asked before it, so that none is forgotten', async () => {
  const { run, close } = await partition([...labels(), ...answers()]);
  const { counts } = await run(null, ({ counts }) => counts.labelled >= ANSWERS);
  expect(counts).toMatchObject({ matched: ANSWERS, labelled: ANSWERS, late: 0, duplicate: 0 });
  await close();
});

it('goes on from what is on record, as its successor will', async () => {
  const { run, close } = await partition(answers());
  const first = await run(null, () => true);
  const full = JSON.stringify(fitted(denseStates({ numbers: 8, labels: 0, everyPlace: 1, within: 1, count: 3 })));
  const others = Array.from({ length: 9 }, (_, at) => `"${at + 100}~":${full}`);
  const tooMuch = { ...first, states: `{"1~":${full},${others.join(',')}}` };
  const onRecord = await run({ totals: tooMuch }, () => true);
  expect(onRecord.states).not.toContain('"1~"');
  const isDone = ({ counts }: Totals) => counts.matched >= ANSWERS;
  expect(await run({ totals: tooMuch }, isDone)).toEqual(await run({ totals: onRecord }, isDone));
  await close();
});
