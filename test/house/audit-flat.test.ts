// Goal: an audit keeps none of what it has read of topics that are kept for ever, or that tell the same again and again.
// Method: control topics of 80 MB and more each, made while they are read; the heap is measured where they end.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeEach, expect, it } from 'vitest';
import { ROLLBACK_BOUNDS } from '../../shared/analysis/checks/rollback-bound.ts';
import { auditEndpoint } from '../../shared/audit/audit-endpoint.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import { memoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { memoryLog } from '../../shared/bus/memory/memory-log.ts';
import { encodeControl } from '../../shared/codec/control.ts';
import { EVENT_BLANK, type RolloutEvent } from '../../shared/domain/event.ts';
import type { Bytes } from '../../shared/domain/record.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { bytesOf, cutOf, ENDPOINT, modelOf, planOf } from '../support/plans.ts';

const RECORDS = 20_000;
const WORDS = 'x'.repeat(4_000);
const BATCH = 500;
/** Of RECORDS × WORDS, which is 80 MB. */
const KEPT_BYTES_MAX = 12_000_000;
const topics = topicsOf('');
const evidence = Array.from({ length: 50 }, (_, index) => `${index}`.padEnd(80, 'w'));

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');
function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

let bus: Bus;
beforeEach(async () => {
  bus = memoryBus(memoryLog(), { clock: systemClock });
  await bus.admin.createTopics([...topics.controlTopicSpecs(), ...topics.endpointTopicSpecs(ENDPOINT, 1)]);
});

type Value = (index: number) => Bytes | null;

/** The bus, with RECORDS records on `topic`. @returns also how much the heap had grown where they end, bytes */
function withRecords(topic: string, value: Value): { readonly bus: Bus; readonly grown: () => number } {
  let grown = Number.NaN;
  async function* read() {
    const before = heapBytes();
    for (let first = 0; first < RECORDS; first += BATCH) {
      const records = Array.from({ length: BATCH }, (_, index) => {
        const place = { topic, partition: 0, offset: first + index, timestampMs: 0, headers: [] };
        return { ...place, key: bytesOf(String((first + index) >> 1)), value: value(first + index) };
      });
      yield { partition: 0, records, nextOffset: first + BATCH, endOffset: RECORDS };
    }
    grown = heapBytes() - before;
  }
  const reading: Bus = {
    kind: bus.kind,
    admin: {
      ...bus.admin,
      offsets: async (name) =>
        name === topic ? [{ partition: 0, earliest: 0, end: RECORDS }] : bus.admin.offsets(name),
    },
    consume: (options) => bus.consume(options),
    read: (options) => (options.topic === topic ? read() : bus.read(options)),
    write: (records) => bus.write(records),
    close: () => bus.close(),
  };
  return { bus: reading, grown: () => grown };
}

function noted(endpoint: string): Bytes {
  const event: RolloutEvent = {
    ...{ ...EVENT_BLANK, type: 'noted', endpoint, seq: 9, atMs: 0, phase: 'serving', message: WORDS },
  };
  return encodeControl('event', event);
}

function reported(endpoint: string, state: 'READY' | 'LOADING'): Bytes {
  const owned = { blue: [0], green: [0] };
  const about = { worker: 'w', role: 'scorer', endpoint, ...modelOf(1), runtime: '', atMs: 1, owned } as const;
  return encodeControl('worker', { ...about, state, problem: WORDS });
}

/** Each plan is buried by the next one. */
const cuts: Value = (index) =>
  index % 2 === 1 ? null : encodeControl('cut', cutOf(planOf(index + 1, { evidence }), index));

const foreign = noted('other');
const own = noted(ENDPOINT);
const loading = reported(ENDPOINT, 'LOADING');
const otherWorker = reported('other', 'READY');

it.each<[string, string, Value]>([
  ['the journal of other endpoints', topics.control('events'), () => foreign],
  ['events that say nothing of plans and aborts', topics.control('events'), () => own],
  ['workers of other endpoints', topics.control('workers'), () => otherWorker],
  ['heartbeats of one worker', topics.control('workers'), () => loading],
  ['cuts that newer ones have buried', topics.endpoint(ENDPOINT, 'cuts'), cuts],
])('keeps nothing of %s', async (_what, topic, value) => {
  const full = withRecords(topic, value);
  const place = { topics, endpoint: ENDPOINT, settled: true, bounds: ROLLBACK_BOUNDS, nowMs: systemClock.nowMs() };
  await auditEndpoint({ ...place, bus: full.bus, signal: new AbortController().signal });
  expect(full.grown()).toBeLessThan(KEPT_BYTES_MAX);
});
