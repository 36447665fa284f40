// Measure: one variant in its own process, against topics that the bench owns.
// What is measured comes from Kafka (committed offsets, records read back) and /proc, never from the variant itself.

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Bus } from '../../shared/bus/bus.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import { laneGroup, routerGroup } from '../../shared/domain/groups.ts';
import type { OutRecord } from '../../shared/domain/record.ts';
import { LANES } from '../../shared/domain/route-plan.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { treeUsage } from './process-tree.ts';
import type { VariantOptions } from './variants/protocol.ts';

const POLL_MS = 25;
const READY_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 60_000;
/** After the last request of a paced run. */
const ANSWERS_DEADLINE_MS = 60_000;
const RUN_DEADLINE_MS = 180_000;
/** Records of one write while an input topic is filled. */
const FILL_BURST = 500;
/** Requests in the steady phase are written in bursts of this length. */
const PACE_TICK_MS = 5;

export interface Throughput {
  readonly recordsPerSecond: number;
  /** CPU time of all processes of the variant per record, microseconds. */
  readonly cpuMicrosPerRecord: number;
  readonly residentMegabytes: number;
}

export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly samples: number;
}

export type VariantName = 'bare' | 'bus' | 'road' | 'score';

/** A consumer's progress is complete when each of these groups has committed its topic to the end. */
export type Progress = readonly { readonly group: string; readonly topic: string }[];

/** Progress of the live road of an endpoint, router and lanes. */
export function roadProgress(topics: Topics, endpoint: string): Progress {
  const { prefix } = topics;
  const router = { group: routerGroup(prefix, endpoint), topic: topics.endpoint(endpoint, 'requests') };
  const lanes = LANES.map((lane) => ({ group: laneGroup(prefix, endpoint, lane), topic: topics.lane(endpoint, lane) }));
  return [router, ...lanes];
}

export interface Started {
  readonly child: ChildProcess;
  go(): void;
  /** Resolves once it consumes no more. */
  pause(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a variant and waits until it is warm. */
export async function startVariant(
  name: VariantName,
  options: VariantOptions & Record<string, unknown>,
): Promise<Started> {
  const entry = fileURLToPath(new URL(`./variants/${name}.js`, import.meta.url));
  const child = fork(entry, [JSON.stringify(options)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await within(`variant ${name} becomes ready`, READY_DEADLINE_MS, (done) => {
    child.once('message', done);
  });
  return {
    child,
    go: () => child.send({ type: 'go' }),
    pause: () =>
      within(`variant ${name} pauses`, STOP_DEADLINE_MS, (done) => {
        child.once('message', done);
        child.send({ type: 'pause' });
      }),
    stop: async () => {
      if (child.connected) child.send({ type: 'stop' });
      await atMost(STOP_DEADLINE_MS, ended);
      child.kill('SIGKILL');
    },
  };
}

/**
 * Lets a warm variant work off everything that its input holds.
 * @param between two looks at its progress
 */
export async function measureThroughput(
  bus: Bus,
  started: Started,
  work: { records: number; progress: Progress },
  between: () => Promise<void> = () => systemClock.sleep(POLL_MS),
): Promise<Throughput> {
  const pid = started.child.pid ?? 0;
  const before = treeUsage(pid);
  const startMs = performance.now();
  started.go();
  const deadlineMs = startMs + RUN_DEADLINE_MS;
  while (!(await isDone(bus, work.progress))) {
    if (performance.now() > deadlineMs || started.child.exitCode !== null) throw overdue('a throughput run');
    await between();
  }
  const seconds = (performance.now() - startMs) / 1000;
  const after = treeUsage(pid);
  return {
    recordsPerSecond: work.records / seconds,
    cpuMicrosPerRecord: (after.cpuMicros - before.cpuMicros) / work.records,
    residentMegabytes: after.residentBytes / 1024 / 1024,
  };
}

export interface PacedLoad {
  readonly output: string;
  /** Records a second. */
  readonly rate: number;
  readonly seconds: number;
  /** At the beginning; they are not counted. */
  readonly warmSeconds: number;
  /** Index of the first record; keys are indices. */
  readonly first: number;
  readonly record: (index: number) => OutRecord;
}

/** Sends records at a steady rate, and takes the time until each one's output can be read. */
export async function measureLatency(bus: Bus, load: PacedLoad): Promise<Latency> {
  const count = load.rate * load.seconds;
  const firstCounted = load.first + load.rate * load.warmSeconds;
  const sentAt = new Map<string, number>();
  const beginMs = systemClock.nowMs();
  let answered = 0;
  const latencies: number[] = [];
  const ended = new AbortController();
  const reading = (async () => {
    for await (const batch of bus.read({
      topic: load.output,
      from: { timestampMs: beginMs },
      until: 'never',
      signal: ended.signal,
    })) {
      const nowMs = performance.now();
      for (const record of batch.records) {
        const key = Buffer.from(record.key ?? []).toString();
        const startMs = sentAt.get(key);
        if (startMs === undefined) continue;
        if (Number(key) >= firstCounted) latencies.push(nowMs - startMs);
        sentAt.delete(key);
        answered += 1;
      }
      if (answered === count) return;
    }
  })();
  const writes: Promise<void>[] = [];
  const startMs = performance.now();
  for (let sent = 0; sent < count; ) {
    const due = Math.min(count, Math.ceil(((performance.now() - startMs) * load.rate) / 1000));
    for (; sent < due; sent++) {
      const index = load.first + sent;
      sentAt.set(String(index), performance.now());
      writes.push(bus.write([load.record(index)]));
    }
    await systemClock.sleep(PACE_TICK_MS);
  }
  await Promise.all(writes);
  await atMost(ANSWERS_DEADLINE_MS, reading);
  ended.abort();
  if (answered < count) throw overdue('a latency run');
  latencies.sort((a, b) => a - b);
  return { p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99), samples: latencies.length };
}

/** Fills a topic with `count` records before anything is measured. */
export async function fill(bus: Bus, count: number, record: (index: number) => OutRecord): Promise<void> {
  for (let from = 0; from < count; from += FILL_BURST) {
    await bus.write(Array.from({ length: Math.min(FILL_BURST, count - from) }, (_, i) => record(from + i)));
  }
}

/** Value at quantile `q` of an ascending list, nearest rank. */
export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? Number.NaN;
}

/** Whether every group has taken all of its topic. */
export async function isDone(bus: Bus, progress: Progress): Promise<boolean> {
  for (const { group, topic } of progress) {
    const [committed, offsets] = await Promise.all([bus.admin.committed(group, topic), bus.admin.offsets(topic)]);
    // A lane's end counts the markers of the router's transactions: the last record is at most one marker before it.
    if (!offsets.every(({ partition, end }) => Math.max(0, committed[partition] ?? -1) >= end - 1)) return false;
  }
  return true;
}

/** Waits for `done`, no longer than `ms`, and leaves no timer behind, which would hold the process. */
async function atMost(ms: number, done: Promise<void>): Promise<void> {
  const over = new AbortController();
  await Promise.race([done, systemClock.sleep(ms, over.signal)]);
  over.abort();
}

function within(words: string, deadlineMs: number, wait: (done: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(overdue(words)), deadlineMs);
    wait(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function overdue(words: string): MillraceError {
  return new MillraceError('ASSERTION', { detail: `${words} took too long` });
}
