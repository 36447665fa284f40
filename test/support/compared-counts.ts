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

/** The newest totals, by run and partition. Of a run whose totals were taken off the record, the last ones. */
export async function newestTotals(bus: Bus, topics: Topics, endpoint: string): Promise<ReadonlyMap<string, Totals>> {
  const newest = new Map<string, Totals>();
  for await (const record of recordsOf(bus, topics.endpoint(endpoint, 'totals'))) noteTotals(newest, record);
  return newest;
}

/** Takes a record of E.totals for the newest of its run and partition. */
export function noteTotals(newest: Map<string, Totals>, record: InRecord): void {
  if (record.value === null) return;
  const one = decodeControl('totals', record);
  newest.set(`${runKey(one)} ${one.partition}`, one);
}

/** By run and partition, and by scope: the windows of a run, added up. */
type WindowSums = ReadonlyMap<string, Readonly<Record<string, MetricStates>>>;

export async function windowSums(bus: Bus, topics: Topics): Promise<WindowSums> {
  const windows = new Map<string, Record<string, MetricStates>>();
  for await (const record of recordsOf(bus, topics.control('metrics'))) {
    const { rollout, live, shadow, partition, states } = decodeControl('metric-window', record);
    const key = `${runKey({ rollout, version: shadow ?? 0 })} ${partition}`;
    const sums = windows.get(key) ?? {};
    windows.set(key, sums);
    const parsed = parseStates(JSON.parse(states));
    const before = sums[scopeOf(live, shadow)];
    sums[scopeOf(live, shadow)] = before === undefined ? parsed : mergeStates(before, parsed);
  }
  return windows;
}

/** Windows add up to the totals of their scope. */
export function windowProblems(totals: ReadonlyMap<string, Totals>, windows: WindowSums): string[] {
  return [...new Set([...totals.keys(), ...windows.keys()])].flatMap((key) => {
    const states: Readonly<Record<string, unknown>> = JSON.parse(totals.get(key)?.states ?? '{}');
    const sums = windows.get(key) ?? {};
    return [...new Set([...Object.keys(states), ...Object.keys(sums)])]
      .filter((scope) => textOf(parseStates(states[scope] ?? {})) !== textOf(parseStates(sums[scope] ?? {})))
      .map((scope) => `the windows of ${key}, ${scope} do not add up to its totals`);
  });
}

/** Whatever the order of its keys. */
function textOf(states: MetricStates): string {
  return JSON.stringify(states, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

/** @returns what is counted, and whether everything that lies on the topics is */
export async function countedOf(
  bus: Bus,
  topics: Topics,
  endpoint: string,
): Promise<{ readonly counts: Counted; readonly done: boolean }> {
  const newest = await newestTotals(bus, topics, endpoint);
  const windows = await windowSums(bus, topics);
  const told = new Set<string>();
  for await (const record of recordsOf(bus, topics.endpoint(endpoint, 'comparisons'))) {
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
    for await (const { topic, partition, offset } of recordsOf(bus, topics.endpoint(endpoint, kind))) {
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

/** All records of a topic, up to its end of now. */
export async function* recordsOf(bus: Bus, topic: string): AsyncGenerator<InRecord> {
  for await (const { records } of bus.read({ topic, from: 'earliest', until: 'end' })) yield* records;
}
