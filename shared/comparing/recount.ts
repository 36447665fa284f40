// Recount: what a run's totals must say, counted anew from the topics, and in what they differ from it.
// Flow: totals on record → where the run began, its ticks, where its inputs stood → [recountRun] → the same, or differences.
// Why the totals are needed for it: how far they are, and when time decided what no topic decides, is on record there alone.
// Invariant: as a comparator's, memory does not grow with what is read.

import { isDeepStrictEqual } from 'node:util';
import type { Bus, ReadBatch } from '../bus/bus.ts';
import { CONTROL_BYTES_MAX } from '../codec/limits.ts';
import { levelOf } from '../comparison/metrics/registry.ts';
import { type Clock, sleepUnless } from '../domain/clock.ts';
import { runKey, TICKS_MAX, type Totals } from '../domain/comparison.ts';
import { MillraceError } from '../domain/errors.ts';
import type { InRecord } from '../domain/record.ts';
import type { Topics } from '../domain/topics.ts';
import { begunBy, runOf } from './begun-by.ts';
import type { Limits } from './limits.ts';
import { savedOf } from './saved.ts';
import { type Tails, tailsOf } from './tail.ts';
import { type Start, type Stop, Task } from './task.ts';

/** Records between two looks at what can be forgotten. */
const STEP_RECORDS = 1_024;
/** Nothing more comes of what is on record for so long: somebody has deleted it meanwhile, or no broker answers. */
const NOTHING_DEADLINE_MS = 30_000;
/** From here on a scope may have been left out of a record. */
const FULL_CHARS = CONTROL_BYTES_MAX / 4;

export interface RecountPlace {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly endpoint: string;
  /** As the comparator's. */
  readonly limits: Limits;
  readonly signal: AbortSignal;
}

export interface Recounted {
  readonly run: string;
  readonly partition: number;
  /** Null: its records, or ticks, are not all there any more. */
  readonly counts: Totals['counts'] | null;
  /** In words, what totals say and what was counted; empty where they are the same. */
  readonly differences: readonly string[];
}

/** @throws TIMED_OUT when what is on record does not come, or `signal` aborts */
export async function recountRun(place: RecountPlace, totals: Totals): Promise<Recounted> {
  const run = runKey(totals);
  const { partition } = totals;
  const start = await startOf(place, totals);
  requireGoing(place);
  if (start === 'gone') return { run, partition, counts: null, differences: [] };
  const { bus, topics, endpoint } = place;
  const arrival = { came: new AbortController() };
  const tails = tailsOf(topics, endpoint, { bus, partition, fetchIntervalMs: 0, onChange: () => arrival.came.abort() });
  const task = new Task({ ...place, partition, tails }, runOf(totals), start);
  try {
    for (const tick of totals.ticks) {
      const { liveOffset: live, shadowOffset: shadow } = tick;
      await readTo(place, { task, tails, arrival }, { live, shadow, labels: totals.labels.position, isEnd: false });
      task.decideAt(tick);
    }
    const { live, shadow, labels } = totals;
    const end = { live: live.position, shadow: shadow.position, labels: labels.position, isEnd: true };
    await readTo(place, { task, tails, arrival }, end);
    if (totals.ended) task.finish();
    const { totals: anew } = task.take(totals.atMs);
    return { run, partition, counts: anew.counts, differences: differencesOf(totals, anew) };
  } finally {
    await task.stop();
    await Promise.all(Object.values(tails).map((tail) => tail.stop()));
  }
}

/** Where the run began; `gone`: not all of its records, or ticks, are there any more. */
async function startOf(place: RecountPlace, totals: Totals): Promise<Start | 'gone'> {
  const { topics, endpoint } = place;
  if (totals.ticks.length >= TICKS_MAX) return 'gone';
  for (const kind of ['predictions', 'keyed-labels'] as const) {
    if (!(await reachesBack(place, topics.endpoint(endpoint, kind), totals))) return 'gone';
  }
  if (totals.rollout === '') return null;
  for await (const { records } of recordsOf(place, topics.endpoint(endpoint, 'shadow'), totals.partition)) {
    const mark = records.find((record) => isBegunBy(record, totals));
    if (mark !== undefined) return { markOffset: mark.offset };
  }
  return 'gone';
}

/** Whether a topic still holds what it held when the run began. */
async function reachesBack(place: RecountPlace, topic: string, { partition, sinceMs }: Totals): Promise<boolean> {
  const [offsets] = await place.bus.admin.offsets(topic, [partition]);
  if (offsets?.earliest === 0) return true;
  for await (const { records } of recordsOf(place, topic, partition)) {
    const [first] = records;
    if (first !== undefined) return first.timestampMs < sinceMs;
  }
  return false;
}

function recordsOf({ bus, signal }: RecountPlace, topic: string, partition: number): AsyncIterable<ReadBatch> {
  return bus.read({ topic, partitions: [partition], from: 'earliest', until: 'end', signal });
}

/** Not by a later owner: the first mark may be gone. */
function isBegunBy(record: InRecord, totals: Totals): boolean {
  const begun = begunBy(record);
  return begun !== null && runKey(begun.run) === runKey(totals) && begun.from === totals.begun;
}

/** @throws TIMED_OUT: half of a topic is never taken for all of it */
function requireGoing({ signal }: Pick<RecountPlace, 'signal'>): void {
  if (signal.aborted) throw new MillraceError('TIMED_OUT', { detail: 'interrupted' });
}

interface Reading {
  readonly task: Task;
  readonly tails: Tails;
  readonly arrival: { came: AbortController };
}

async function readTo({ clock, signal }: RecountPlace, { task, tails, arrival }: Reading, stop: Stop): Promise<void> {
  task.stopAt(stop);
  for (let lastMs = clock.nowMs(); !task.hasStopped; ) {
    arrival.came = new AbortController();
    const taken = task.step(STEP_RECORDS, 0);
    const turned = Object.values(tails).filter((tail) => tail.turn()).length;
    if (taken > 0) task.take(0);
    requireGoing({ signal });
    if (taken + turned > 0) {
      lastMs = clock.nowMs();
      await clock.sleep(0);
      continue;
    }
    await sleepUnless(clock, NOTHING_DEADLINE_MS, arrival.came.signal, signal);
    if (clock.nowMs() - lastMs >= NOTHING_DEADLINE_MS)
      throw new MillraceError('TIMED_OUT', { detail: 'what is on record is not there' });
  }
}

/** In words. Of scopes that were made coarser, or did not fit, to fit the record, only the counts are compared. */
function differencesOf(onRecord: Totals, anew: Totals): string[] {
  const names = Object.keys(onRecord.counts) as (keyof Totals['counts'])[];
  const counts = names
    .filter((name) => onRecord.counts[name] !== anew.counts[name])
    .map((name) => `${name} is ${onRecord.counts[name]}, counted anew ${anew.counts[name]}`);
  const [before, after] = [savedOf(onRecord).states, savedOf(anew).states];
  const isFull = onRecord.states.length > FULL_CHARS;
  const scopes = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((scope) => {
    const [one, other] = [before[scope], after[scope]];
    if (one === undefined || other === undefined) return !isFull;
    return levelOf(one) === 0 && levelOf(other) === 0 && !isDeepStrictEqual(one, other);
  });
  return [...counts, ...scopes.map((scope) => `what was measured of ${scope} is not the same`)];
}
