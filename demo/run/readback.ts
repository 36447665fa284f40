// Readback: the demo's figures, from the topics alone, read with `read_committed` by a group-less reader.

import { ROLLBACK_BOUNDS } from '../../shared/analysis/checks/rollback-bound.ts';
import type { Totals } from '../../shared/analysis/totals.ts';
import { auditEndpoint } from '../../shared/audit/audit-endpoint.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import { decodeControl } from '../../shared/codec/control.ts';
import { decodeAnswer } from '../../shared/codec/registry.ts';
import { readReports } from '../../shared/comparing/reports.ts';
import type { ComparisonReport } from '../../shared/comparison/report.ts';
import type { Cut } from '../../shared/domain/cut.ts';
import { HEADER, headerText } from '../../shared/domain/headers.ts';
import type { InRecord } from '../../shared/domain/record.ts';
import type { EndpointTopicKind, Topics } from '../../shared/domain/topics.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { type Digits, digitOf } from '../data/digits.ts';
import type { Switch } from './scenario.ts';
import { type ShadowReport, shadowReports } from './shadow-report.ts';
import { DIGIT_HEADER } from './traffic.ts';

export interface Readback {
  readonly outcomes: Totals;
  /** Share of right answers on test digits, 0..1, by version; null for a version that answered none. */
  readonly accuracy: ReadonlyMap<number, number | null>;
  readonly switches: readonly SwitchReport[];
  readonly shadow: readonly ShadowReport[];
}

export interface SwitchReport extends Pick<Switch, 'kind' | 'from' | 'to'> {
  /** From the command's record to the last partition's cut, milliseconds; null when a cut is missing. */
  readonly commandToLastCutMs: number | null;
  /** Partitions that took the plan. */
  readonly partitions: number;
  /** Requests written in the second before the command, and in the second after the last cut: the load it fell under. */
  readonly requestsBefore: number;
  readonly requestsAfter: number;
}

/** A switch is under load when requests come this shortly before and after it. */
const LOAD_WINDOW_MS = 1_000;

interface ReadbackOptions {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly endpoint: string;
  readonly digits: Digits;
  readonly switches: readonly Switch[];
  /** What was scored after the fact. */
  readonly replayed: readonly ComparisonReport[];
}

/** Reads all topics of the endpoint to their ends. Nothing may be under way any more: what has no outcome is lost. */
export async function readBack(options: ReadbackOptions): Promise<Readback> {
  const { bus, topics, endpoint } = options;
  const place = { bus, topics, endpoint, settled: true, bounds: ROLLBACK_BOUNDS, nowMs: systemClock.nowMs() };
  const outcomes = await auditEndpoint({ ...place, signal: new AbortController().signal });
  const partitions = (await bus.admin.partitions(topics.endpoint(endpoint, 'requests'))) ?? 0;
  const cuts = (await readAll(options, 'cuts'))
    .filter((record) => record.value !== null)
    .map((record) => decodeControl('cut', record));
  const predictions = await readAll(options, 'predictions');
  const runs = await readReports({
    bus,
    topics,
    endpoint,
    signal: new AbortController().signal,
    onUnreadable: () => {},
  });
  const compared = [...runs.map(({ report }) => report), ...options.replayed];
  const requestedAtMs = (await readAll(options, 'requests')).map((record) => record.timestampMs);
  return {
    outcomes,
    accuracy: accuracyOf(predictions, options.digits),
    switches: options.switches.map((change) => switchReport(change, { cuts, partitions, requestedAtMs })),
    shadow: shadowReports(compared, predictions),
  };
}

interface OnRecord {
  readonly cuts: readonly Cut[];
  /** Of the endpoint. */
  readonly partitions: number;
  readonly requestedAtMs: readonly number[];
}

/** Number of outcomes on record: what the demo waits for before it stops the house. */
export async function countPredictions(options: Pick<ReadbackOptions, 'bus' | 'topics' | 'endpoint'>): Promise<number> {
  return (await readAll(options, 'predictions')).length;
}

async function readAll(
  options: Pick<ReadbackOptions, 'bus' | 'topics' | 'endpoint'>,
  kind: EndpointTopicKind,
): Promise<InRecord[]> {
  const records: InRecord[] = [];
  const topic = options.topics.endpoint(options.endpoint, kind);
  for await (const batch of options.bus.read({ topic, from: 'earliest', until: 'end' })) records.push(...batch.records);
  return records;
}

function accuracyOf(predictions: readonly InRecord[], digits: Digits): Map<number, number | null> {
  const counts = new Map<number, { right: number; all: number }>();
  for (const record of predictions) {
    const row = Number(headerText(record.headers, DIGIT_HEADER));
    if (headerText(record.headers, HEADER.error) !== null || record.value === null) continue;
    const version = Number(headerText(record.headers, HEADER.version));
    const count = counts.get(version) ?? { right: 0, all: 0 };
    counts.set(version, count);
    if (!digits.isTest(row)) continue;
    const answer = decodeAnswer(record.value, headerText(record.headers, HEADER.contentType));
    const probabilities = answer.kind === 'answer' ? answer.outputs[0]?.data : undefined;
    count.all += 1;
    if (probabilities !== undefined && digitOf(Array.from(probabilities, Number)) === digits.labels[row])
      count.right += 1;
  }
  return new Map([...counts].map(([version, { right, all }]) => [version, all === 0 ? null : right / all]));
}

function switchReport(change: Switch, { cuts, partitions, requestedAtMs }: OnRecord): SwitchReport {
  const taken = Array.from({ length: partitions }, (_, partition) =>
    cuts.find((cut) => cut.partition === partition && cut.plan.revision >= change.revision),
  ).filter((cut) => cut !== undefined);
  const last = Math.max(...taken.map((cut) => cut.atMs));
  return {
    kind: change.kind,
    from: change.from,
    to: change.to,
    commandToLastCutMs: taken.length < partitions || partitions === 0 ? null : last - change.commandAtMs,
    partitions: taken.length,
    requestsBefore: within(requestedAtMs, change.commandAtMs - LOAD_WINDOW_MS),
    requestsAfter: within(requestedAtMs, last),
  };
}

function within(timesMs: readonly number[], fromMs: number): number {
  return timesMs.filter((atMs) => atMs >= fromMs && atMs < fromMs + LOAD_WINDOW_MS).length;
}
