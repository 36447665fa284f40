// Goal: a comparator stays small while a shadow says nothing for an hour, and then matches everything.
// Method: one task on a memory bus; a virtual clock tells the hour. A shadow has begun and falls silent; answers go on.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { markRecord } from '../../services/shadow/progress.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import { memoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { memoryLog } from '../../shared/bus/memory/memory-log.ts';
import { codecFor } from '../../shared/codec/registry.ts';
import { limitsWith } from '../../shared/comparing/limits.ts';
import { type Tails, tailsOf } from '../../shared/comparing/tail.ts';
import { Task } from '../../shared/comparing/task.ts';
import { HEADER, header } from '../../shared/domain/headers.ts';
import type { OutRecord } from '../../shared/domain/record.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const ENDPOINT = 'numbers';
const topics = topicsOf('');
const WINDOW = 100;
const LIMITS = limitsWith({ window: WINDOW, labelWindow: WINDOW, windowMs: 10_000 });
const HOUR_SECONDS = 3_600;
const ANSWERS_PER_SECOND = 2;
const ANSWERS = HOUR_SECONDS * ANSWERS_PER_SECOND;
const TERMS = { digest: 'd', sampleBp: 10_000, tolerances: [] };
const RUN = { rollout: 'numbers-2', version: 2, ...TERMS };

let clock: VirtualClock;
let bus: Bus;
let tails: Tails;
let task: Task;
let largest = 0;
let hasChanged = false;
const onChange = () => {
  hasChanged = true;
};

beforeEach(async () => {
  clock = new VirtualClock();
  bus = memoryBus(memoryLog(), { clock });
  await bus.admin.createTopics(topics.endpointTopicSpecs(ENDPOINT, 1));
  tails = tailsOf(topics, ENDPOINT, { bus, partition: 0, fetchIntervalMs: 1_000, onChange });
  task = new Task({ topics, endpoint: ENDPOINT, partition: 0, limits: LIMITS, tails }, RUN, { markOffset: 0 });
  largest = 0;
});
afterEach(async () => {
  const stopped = Promise.all([task.stop(), ...Object.values(tails).map((tail) => tail.stop())]);
  await clock.settle();
  await stopped;
  await bus.close();
});

function answer(source: number, kind: 'predictions' | 'shadow'): OutRecord {
  const version = kind === 'shadow' ? RUN.version : 1;
  const outputs = [{ name: 'y', datatype: 'FP32', shape: [1, 1], data: Float32Array.of(source) }] as const;
  const codec = codecFor('application/json', new Uint8Array());
  return {
    ...{ topic: topics.endpoint(ENDPOINT, kind), partition: 0, key: null },
    value: codec.encodeAnswer({ id: null, endpoint: ENDPOINT, model: { version, digest: 'd' }, outputs }),
    headers: [
      header(HEADER.source, `0@${source}`),
      header(HEADER.requestId, `numbers.requests-0-${source}`),
      header(HEADER.version, String(version)),
      header(HEADER.contentType, codec.contentType),
      ...(kind === 'shadow' ? [header(HEADER.shadow, RUN.rollout)] : []),
    ],
  };
}

function begun(): OutRecord {
  const { rollout, version } = RUN;
  const progress = { kind: 'begun', from: 0, to: 0, sinceMs: 0, terms: TERMS, atMs: clock.nowMs() } as const;
  return markRecord(topics, { endpoint: ENDPOINT, rollout, version, partition: 0, ...progress });
}

/** What the partition's loop does: steps while there is something, and then commits. */
async function work(): Promise<number> {
  let taken = 0;
  for (let goesOn = true; goesOn; ) {
    hasChanged = false;
    const step = task.step(256, clock.nowMs());
    taken += step;
    const turned = Object.values(tails).filter((tail) => tail.turn()).length;
    await clock.settle();
    goesOn = hasChanged || step + turned > 0;
  }
  const { totals } = task.take(clock.nowMs());
  largest = Math.max(largest, totals.live.position - totals.removed);
  return taken;
}

describe('a comparator whose shadow says nothing for an hour', () => {
  it('keeps no more than its limits allow, reads no further, and matches everything when the shadow is back', async () => {
    await bus.write([begun()]);
    await work();
    let taken = 0;
    let last = 0;
    for (let minute = 0, source = 0; minute < HOUR_SECONDS / 60; minute++) {
      const answers = Array.from({ length: 60 * ANSWERS_PER_SECOND }, () => answer(source++, 'predictions'));
      await bus.write(answers);
      await clock.advance(60_000);
      last = await work();
      taken += last;
    }
    expect(last).toBe(0);
    expect(taken).toBeLessThanOrEqual(LIMITS.ahead + 1);
    expect(largest).toBeLessThanOrEqual(LIMITS.ahead + 1);
    for (let source = 0; source < ANSWERS; source += 600) {
      await bus.write(Array.from({ length: 600 }, (_, i) => answer(source + i, 'shadow')));
      await work();
    }
    const { totals } = task.take(clock.nowMs());
    expect(totals.counts).toMatchObject({ matched: ANSWERS, missingShadow: 0, missingLive: 0, late: 0, duplicate: 0 });
    expect(largest).toBeLessThanOrEqual(3 * LIMITS.ahead);
  });
});
