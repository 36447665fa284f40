// ComparedCounts: what a comparator has counted, read back from its topics, in a form in which two of them can be compared.
// Invariant: states and counts on millrace.metrics add up to the totals: what differs is said with its scope.

import type { Bus, ReadOptions } from '../../shared/bus/bus.ts';
import { decodeControl } from '../../shared/codec/control.ts';
import { scopeOf } from '../../shared/comparison/comparison.ts';
import { fitted } from '../../shared/comparison/fitted.ts';
import { addCounts, NO_COUNTS } from '../../shared/comparison/join-state.ts';
import type { MetricStates } from '../../shared/comparison/metrics/metric.ts';
import { mergeStates, parseStates } from '../../shared/comparison/metrics/registry.ts';
import { type JoinCounts, runKey, type Totals } from '../../shared/domain/comparison.ts';
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
      readonly windows: WindowSum;
      readonly examples: unknown;
      /** Examples that are not on E.comparisons. */
      readonly untold: readonly string[];
    }
  >
>;

/** The newest totals, by run and partition. Of a run whose totals were taken off the record, the last ones. */
export class NewestTotals {
  /** By key and partition; decoded when somebody asks. */
  readonly #newest = new Map<string, { readonly record: InRecord; totals: Totals | null }>();

  /** Takes the next record of E.totals. */
  note(record: InRecord): void {
    const { key, value, partition } = record;
    if (value === null) return;
    // A copy: the value is a part of all that came with it.
    const kept = { ...record, value: Uint8Array.from(value) };
    this.#newest.set(`${Buffer.from(key ?? []).toString()} ${partition}`, { record: kept, totals: null });
  }

  all(): ReadonlyMap<string, Totals> {
    const all = new Map<string, Totals>();
    for (const one of this.#newest.values()) {
      one.totals ??= decodeControl('totals', one.record);
      all.set(`${runKey(one.totals)} ${one.totals.partition}`, one.totals);
    }
    return all;
  }

  /** Reads until `signal`. @throws what ends the reading */
  async follow(bus: Bus, topic: string, signal: AbortSignal): Promise<void> {
    const fetchIntervalMs = 1_000;
    for await (const { records } of bus.read({ topic, from: 'earliest', until: 'never', signal, fetchIntervalMs }))
      for (const record of records) this.note(record);
  }
}

/** What is on record by now. Of runs that were taken off it, compaction leaves nothing. */
export async function newestTotals(bus: Bus, topics: Topics, endpoint: string): Promise<ReadonlyMap<string, Totals>> {
  const newest = new NewestTotals();
  for await (const record of recordsOf(bus, topics.endpoint(endpoint, 'totals'))) newest.note(record);
  return newest.all();
}

/** The windows of a run in one partition, added up. */
interface WindowSum {
  readonly counts: JoinCounts;
  /** By scope. */
  readonly states: Readonly<Record<string, MetricStates>>;
}

const NO_WINDOWS: WindowSum = { counts: NO_COUNTS, states: {} };

/** By run and partition. */
type WindowSums = ReadonlyMap<string, WindowSum>;

export async function windowSums(bus: Bus, topics: Topics): Promise<WindowSums> {
  const windows = new Map<string, WindowSum>();
  for await (const record of recordsOf(bus, topics.control('metrics'))) {
    const { rollout, live, shadow, partition, states, counts } = decodeControl('metric-window', record);
    const key = `${runKey({ rollout, version: shadow ?? 0 })} ${partition}`;
    const sum = windows.get(key) ?? NO_WINDOWS;
    if (counts !== undefined) {
      windows.set(key, { ...sum, counts: addCounts(sum.counts, counts) });
      continue;
    }
    const parsed = parseStates(JSON.parse(states));
    const before = sum.states[scopeOf(live, shadow)];
    const merged = before === undefined ? parsed : mergeStates(before, parsed);
    windows.set(key, { ...sum, states: { ...sum.states, [scopeOf(live, shadow)]: merged } });
  }
  return windows;
}

/** Windows add up to the totals of their run, and of each of its scopes. */
export function windowProblems(totals: ReadonlyMap<string, Totals>, windows: WindowSums): string[] {
  return [...new Set([...totals.keys(), ...windows.keys()])].flatMap((key) => {
    const states: Readonly<Record<string, unknown>> = JSON.parse(totals.get(key)?.states ?? '{}');
    const sums = windows.get(key) ?? NO_WINDOWS;
    const scopes = [...new Set([...Object.keys(states), ...Object.keys(sums.states)])]
      .filter(
        (scope) => textOf(parseStates(states[scope] ?? {})) !== textOf(parseStates(fitted(sums.states[scope] ?? {}))),
      )
      .map((scope) => `the windows of ${key}, ${scope} do not add up to its totals`);
    const counts = textOf(totals.get(key)?.counts ?? NO_COUNTS) === textOf(sums.counts);
    return counts ? scopes : [...scopes, `the counts on the windows of ${key} do not add up to its totals`];
  });
}

/** Whatever the order of its keys. */
function textOf(states: MetricStates | JoinCounts): string {
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
      windows: windows.get(key) ?? NO_WINDOWS,
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
export async function* recordsOf(
  bus: Bus,
  topic: string,
  isolation: NonNullable<ReadOptions['isolation']> = 'read_committed',
): AsyncGenerator<InRecord> {
  for await (const { records } of bus.read({ topic, from: 'earliest', until: 'end', isolation })) yield* records;
}
