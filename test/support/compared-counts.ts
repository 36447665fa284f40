// ComparedCounts: what a comparator has counted, read back from its topics, in a form in which two of them can be compared.
// Invariant: the windows on millrace.metrics add up to the totals: what differs is said with its scope.

import type { Bus } from '../../shared/bus/bus.ts';
import { decodeControl } from '../../shared/codec/control.ts';
import { scopeOf } from '../../shared/comparison/comparison.ts';
import type { MetricStates } from '../../shared/comparison/metrics/metric.ts';
import { mergeStates, parseStates } from '../../shared/comparison/metrics/registry.ts';
import { runKey, type Totals } from '../../shared/domain/comparison.ts';
import type { InRecord } from '../../shared/domain/record.ts';
import type { Topics } from '../../shared/domain/topics.ts';

/** By run and partition. */
export type Counted = Readonly<
  Record<
    string,
    {
      readonly counts: Totals['counts'];
      /** By scope. */
      readonly states: Readonly<Record<string, unknown>>;
      readonly windows: Readonly<Record<string, MetricStates>>;
      readonly examples: unknown;
      /** Examples that are not on E.comparisons. */
      readonly untold: readonly string[];
    }
  >
>;

/** @returns what is counted, and whether everything that lies on the topics is */
export async function countedOf(
  bus: Bus,
  topics: Topics,
  endpoint: string,
): Promise<{ readonly counts: Counted; readonly done: boolean }> {
  const read = (topic: string) => readAll(bus, topic);
  const newest = new Map<string, Totals>();
  for (const record of await read(topics.endpoint(endpoint, 'totals'))) {
    const one = decodeControl('totals', record);
    newest.set(`${runKey(one)} ${one.partition}`, one);
  }
  const windows = new Map<string, Record<string, MetricStates>>();
  for (const record of await read(topics.control('metrics'))) {
    const { rollout, live, shadow, partition, states } = decodeControl('metric-window', record);
    const key = `${runKey({ rollout, version: shadow ?? 0 })} ${partition}`;
    const sums = windows.get(key) ?? {};
    windows.set(key, sums);
    const parsed = parseStates(JSON.parse(states));
    const before = sums[scopeOf(live, shadow)];
    sums[scopeOf(live, shadow)] = before === undefined ? parsed : mergeStates(before, parsed);
  }
  const told = new Set<string>();
  for (const record of await read(topics.endpoint(endpoint, 'comparisons'))) {
    const { rollout, shadowVersion, source } = decodeControl('comparison', record);
    told.add(`${runKey({ rollout, version: shadowVersion })} ${source}`);
  }
  const counts: Record<string, Counted[string]> = {};
  for (const [key, one] of newest) {
    const examples: readonly { readonly source: string; readonly shadowVersion: number }[] = JSON.parse(one.examples);
    counts[key] = {
      counts: one.counts,
      states: JSON.parse(one.states),
      windows: windows.get(key) ?? {},
      examples,
      untold: examples.map(({ source }) => source).filter((source) => !told.has(`${runKey(one)} ${source}`)),
    };
  }
  const ends = new Map<string, number>();
  for (const kind of ['predictions', 'keyed-labels'] as const) {
    for (const { topic, partition, offset } of await read(topics.endpoint(endpoint, kind))) {
      ends.set(`${topic} ${partition}`, offset + 1);
    }
  }
  const endOf = (kind: 'predictions' | 'keyed-labels', partition: number) =>
    ends.get(`${topics.endpoint(endpoint, kind)} ${partition}`) ?? 0;
  const isDone = (one: Totals) =>
    one.rollout === ''
      ? one.live.position >= endOf('predictions', one.partition) &&
        one.labels.position >= endOf('keyed-labels', one.partition)
      : one.ended;
  const partitions = (await bus.admin.partitions(topics.endpoint(endpoint, 'totals'))) ?? 0;
  const runs = new Set([...newest.values()].map(runKey));
  const done = runs.size === 3 && newest.size === 3 * partitions && [...newest.values()].every(isDone);
  return { counts, done };
}

async function readAll(bus: Bus, topic: string): Promise<InRecord[]> {
  const records: InRecord[] = [];
  for await (const batch of bus.read({ topic, from: 'earliest', until: 'end' })) records.push(...batch.records);
  return records;
}
