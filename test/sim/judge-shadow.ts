// JudgeShadow: what shadow and comparator of a finished simulation are held to, counted anew from the topics.
// Terms: run = one shadow of one rollout; expected = live answers to sampled requests behind the place where it began.

import type { MemoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { decodeControl } from '../../shared/codec/control.ts';
import { decodeAnswer } from '../../shared/codec/registry.ts';
import type { MetricStates } from '../../shared/comparison/metrics/metric.ts';
import { mergeStates, parseStates } from '../../shared/comparison/metrics/registry.ts';
import { type MetricWindow, runKey, type Totals } from '../../shared/domain/comparison.ts';
import { HEADER, headerBytes, headerText } from '../../shared/domain/headers.ts';
import { type InRecord, parseSource } from '../../shared/domain/record.ts';
import { type PlanShadow, type ShadowMark, samplerOf } from '../../shared/domain/shadow.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import { SIM_ENDPOINT, SIM_HEADER, SIM_PARTITIONS } from './users.ts';

/** One run in one partition, as its topics show it. */
interface RunView {
  readonly key: string;
  readonly partition: number;
  readonly shadow: PlanShadow;
  readonly outputs: readonly InRecord[];
  readonly marks: readonly ShadowMark[];
}

export async function shadowProblems(bus: MemoryBus, topics: Topics): Promise<string[]> {
  const problems: string[] = [];
  const predictions = await readAll(bus, topics.endpoint(SIM_ENDPOINT, 'predictions'));
  const labels = await labelsOf(bus, topics);
  const totals = await totalsOf(bus, topics);
  for (const run of await runsOf(bus, topics)) {
    const live = predictions.filter(({ partition }) => partition === run.partition);
    problems.push(...outputProblems(run));
    const expected = expectedBy(run, live);
    problems.push(...completeness(run, expected));
    const counted = totals.get(`${run.key} ${run.partition}`);
    if (run.marks.length > 0) problems.push(...countProblems(run, expected, { counted, labels }));
  }
  for (let partition = 0; partition < SIM_PARTITIONS; partition++) {
    const answers = predictions.filter((record) => record.partition === partition).length;
    const counted = totals.get(`live ${partition}`)?.counts.matched ?? 0;
    if (answers !== counted) problems.push(`live ${partition}: ${answers} answers, ${counted} counted`);
  }
  problems.push(...windowProblems(totals, await windowsOf(bus, topics)));
  return problems.slice(0, 20);
}

/** No source twice, and every number made by the version that shadows. */
function outputProblems({ key, partition, shadow, outputs }: RunView): string[] {
  const problems: string[] = [];
  const sources = new Set(outputs.map(sourceOf));
  if (sources.size < outputs.length) problems.push(`${key}: an output of partition ${partition} is there twice`);
  for (const record of outputs) {
    if (record.value === null || headerText(record.headers, HEADER.error) !== null) continue;
    const answer = decodeAnswer(record.value, headerText(record.headers, HEADER.contentType));
    const x = Number(headerText(record.headers, SIM_HEADER));
    const y = answer.kind === 'answer' ? Number(answer.outputs[0]?.data[0]) : Number.NaN;
    if (y !== shadow.version * 1_000 + x) problems.push(`${key}: ${y} is no output of its version for ${x}`);
  }
  return problems;
}

/** Live answers that the run is to be compared with. */
function expectedBy({ shadow, marks }: RunView, live: readonly InRecord[]): readonly InRecord[] {
  const begun = marks.find(({ kind }) => kind === 'begun')?.to ?? Number.POSITIVE_INFINITY;
  const isSampled = samplerOf(SIM_ENDPOINT, shadow.sampleBp);
  return live.filter(
    (record) =>
      sourceOf(record) >= begun && isSampled(headerBytes(record.headers, HEADER.requestId) ?? new Uint8Array()),
  );
}

/** Whatever was to be scored before its last word is scored, or passed over with a mark. */
function completeness(run: RunView, expected: readonly InRecord[]): string[] {
  const { key, partition, marks, outputs } = run;
  const done = Math.max(0, ...marks.map(({ to }) => to));
  const there = new Set(outputs.map(sourceOf));
  const gaps = expected.filter(
    (record) => sourceOf(record) < done && !there.has(sourceOf(record)) && !isSkipped(run, sourceOf(record)),
  );
  return gaps.length === 0 ? [] : [`${key}: partition ${partition} lacks ${gaps.length} outputs before ${done}`];
}

function countProblems(
  run: RunView,
  expected: readonly InRecord[],
  { counted, labels }: { readonly counted: Totals | undefined; readonly labels: ReadonlySet<string> },
): string[] {
  const there = new Set(run.outputs.map(sourceOf));
  const pairs = expected.filter((record) => there.has(sourceOf(record)));
  const labelled = pairs.filter((record) => isLabelled(record, labels));
  const found = [counted?.counts.matched ?? 0, counted?.counts.labelled ?? 0];
  if (found[0] === pairs.length && found[1] === labelled.length) return [];
  const words = `${pairs.length} pairs, ${labelled.length} labelled; counted ${found.join(', ')}`;
  return [`${run.key}: partition ${run.partition} has ${words}`];
}

/** Windows add up to the totals of their scope. */
function windowProblems(totals: ReadonlyMap<string, Totals>, windows: readonly MetricWindow[]): string[] {
  const sums = new Map<string, MetricStates>();
  for (const { rollout, live, shadow, partition, states } of windows) {
    const key = `${rollout} ${live}~${shadow ?? ''} ${partition}`;
    const parsed = parseStates(JSON.parse(states));
    const before = sums.get(key);
    sums.set(key, before === undefined ? parsed : mergeStates(before, parsed));
  }
  const wanted = new Map<string, MetricStates>();
  // Several shadows of one rollout have scopes of their own; a version that shadows twice in one does not happen.
  for (const one of totals.values()) {
    const scopes: Record<string, unknown> = JSON.parse(one.states);
    for (const [scope, states] of Object.entries(scopes)) {
      wanted.set(`${one.rollout} ${scope} ${one.partition}`, parseStates(states));
    }
  }
  const text = (states: MetricStates | undefined) => JSON.stringify(sorted(states ?? null));
  return [...new Set([...sums.keys(), ...wanted.keys()])]
    .filter((key) => text(sums.get(key)) !== text(wanted.get(key)))
    .map((key) => `the windows of ${key} do not add up to its totals`);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

async function runsOf(bus: MemoryBus, topics: Topics): Promise<RunView[]> {
  const shadows = new Map<string, PlanShadow>();
  for (const record of await readAll(bus, topics.control('events'))) {
    const event = decodeControl('event', record);
    if (event.type !== 'plan-published') continue;
    for (const shadow of event.plan.shadows) {
      shadows.set(runKey({ rollout: event.plan.rollout, version: shadow.version }), shadow);
    }
  }
  const records = await readAll(bus, topics.endpoint(SIM_ENDPOINT, 'shadow'));
  return [...shadows].flatMap(([key, shadow]) =>
    Array.from({ length: SIM_PARTITIONS }, (_, partition) => {
      const own = records.filter((record) => record.partition === partition && runOf(record) === key);
      const isMark = (record: InRecord) => headerText(record.headers, HEADER.shadowMark) !== null;
      const marks = own.filter(isMark).map((record) => decodeControl('shadow-mark', record));
      return { key, partition, shadow, outputs: own.filter((record) => !isMark(record)), marks };
    }),
  );
}

/** Keys of all labels that can be read. */
async function labelsOf(bus: MemoryBus, topics: Topics): Promise<ReadonlySet<string>> {
  const records = await readAll(bus, topics.endpoint(SIM_ENDPOINT, 'labels'));
  return new Set(records.map(({ key }) => new TextDecoder().decode(key ?? new Uint8Array())));
}

function isLabelled(record: InRecord, labels: ReadonlySet<string>): boolean {
  const source = headerText(record.headers, HEADER.source) ?? '';
  return labels.has(source) || labels.has(headerText(record.headers, HEADER.requestId) ?? '');
}

async function totalsOf(bus: MemoryBus, topics: Topics): Promise<ReadonlyMap<string, Totals>> {
  const totals = new Map<string, Totals>();
  for (const record of await readAll(bus, topics.endpoint(SIM_ENDPOINT, 'totals'))) {
    const one = decodeControl('totals', record);
    totals.set(`${runKey(one)} ${one.partition}`, one);
  }
  return totals;
}

async function windowsOf(bus: MemoryBus, topics: Topics): Promise<MetricWindow[]> {
  return (await readAll(bus, topics.control('metrics'))).map((record) => decodeControl('metric-window', record));
}

function isSkipped({ marks }: RunView, source: number): boolean {
  return marks.some(({ kind, from, to }) => kind === 'skipped' && source >= from && source < to);
}

function runOf(record: InRecord): string {
  const version = Number(headerText(record.headers, HEADER.version));
  return runKey({ rollout: headerText(record.headers, HEADER.shadow) ?? '', version });
}

function sourceOf(record: InRecord): number {
  return parseSource(headerText(record.headers, HEADER.source) ?? '')?.offset ?? -1;
}

async function readAll(bus: MemoryBus, topic: string): Promise<InRecord[]> {
  const records: InRecord[] = [];
  for await (const batch of bus.read({ topic, from: 'earliest', until: 'end' })) records.push(...batch.records);
  return records;
}
