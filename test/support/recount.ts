// Recount: what the shadows and the comparator of an endpoint must have made, counted anew from its topics.
// Flow: journal, E.shadow, E.labels → runs → E.predictions, read once → what each run's totals must say, beside what they say.
// Terms: run = one shadow of one rollout, here in one partition, or the live answers of one; due = sampled, and not before the place
//        where the shadow began.
// Invariant: of outputs and labels only their names are kept, of answers nothing: a million of them is no trouble.

import type { Bus } from '../../shared/bus/bus.ts';
import { decodeControl } from '../../shared/codec/control.ts';
import { NO_COUNTS } from '../../shared/comparison/join-state.ts';
import { type JoinCounts, runKey, type Totals } from '../../shared/domain/comparison.ts';
import { HEADER, headerBytes, headerText } from '../../shared/domain/headers.ts';
import { type Bytes, type InRecord, parseSource } from '../../shared/domain/record.ts';
import { type PlanShadow, samplerOf } from '../../shared/domain/shadow.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import { newestTotals, recordsOf, windowProblems, windowSums } from './compared-counts.ts';

export interface RecountPlace {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly endpoint: string;
  readonly partitions: number;
  /** What totals said, by run and partition, of runs that were taken off the record as well. Default: what is on record. */
  readonly totals?: ReadonlyMap<string, Totals>;
}

export interface RecountedRun {
  /** `live`, or rollout and version. */
  readonly run: string;
  readonly partition: number;
  readonly outputs: number;
  /** What its totals must say. */
  readonly due: JoinCounts;
  /** What they say; undefined where there are none. */
  readonly totals: Totals | undefined;
}

/** @returns runs that have begun, and in words what shadows and windows lack or have too much of */
export async function recount(place: RecountPlace): Promise<{ runs: RecountedRun[]; problems: string[] }> {
  const { bus, topics, endpoint, partitions } = place;
  const totals = place.totals ?? (await newestTotals(bus, topics, endpoint));
  const shadows = await shadowsOf(place, totals);
  await readShadow(place, shadows);
  const labelledAt = await labelLookup(place);
  const live = Array.from({ length: partitions }, () => ({ ...NO_COUNTS }));
  for await (const record of recordsOf(bus, topics.endpoint(endpoint, 'predictions'))) {
    const answer = { source: sourceOf(record), requestId: requestIdIn(record), labelledAt: labelledAt(record) };
    const counts = live[record.partition];
    if (counts !== undefined) counts.matched += 1;
    if (counts !== undefined && answer.labelledAt !== null) counts.labelled += 1;
    for (const shadow of shadows) if (shadow.partition === record.partition) shadow.addAnswer(answer);
  }
  const told = (run: string, partition: number) => ({ run, partition, totals: totals.get(`${run} ${partition}`) });
  const runs = [
    ...live.map((due, partition) => ({ ...told('live', partition), outputs: 0, due })),
    ...shadows
      .filter(({ hasBegun }) => hasBegun)
      .map(({ run, partition, outputs, due }) => ({ ...told(run, partition), outputs: outputs.size, due })),
  ];
  const windows = await windowSums(bus, topics);
  return { runs, problems: [...shadows.flatMap((shadow) => shadow.problems()), ...windowProblems(totals, windows)] };
}

/** Where totals do not say what they must, of the counts `named`. */
export function miscounted(runs: readonly RecountedRun[], named: readonly (keyof JoinCounts)[]): string[] {
  return runs.flatMap(({ run, partition, due, totals }) => {
    const wrong = named.filter((name) => due[name] !== (totals?.counts[name] ?? 0));
    const words = wrong.map((name) => `${name} is ${due[name]}, counted ${totals?.counts[name] ?? 'nowhere'}`);
    return wrong.length === 0 ? [] : [`${run}: in partition ${partition} ${words.join('; ')}`];
  });
}

/** One shadow of one rollout in one partition. */
class ShadowRun {
  readonly run: string;
  readonly partition: number;
  readonly outputs = new Set<number>();
  readonly due: { -readonly [Count in keyof JoinCounts]: JoinCounts[Count] } = { ...NO_COUNTS };
  readonly #isSampled: (requestId: Bytes) => boolean;
  readonly #skipped: { readonly from: number; readonly to: number }[] = [];
  #begun: number | null = null;
  #done = 0;
  #doubled = 0;
  #lacking = 0;
  #unsampled = 0;
  /** Labels that are keyed from here on come after its end. */
  readonly #labelsEnd: number;

  constructor(run: string, partition: number, of: { isSampled: (requestId: Bytes) => boolean; labelsEnd: number }) {
    this.run = run;
    this.partition = partition;
    this.#isSampled = of.isSampled;
    this.#labelsEnd = of.labelsEnd;
  }

  get hasBegun(): boolean {
    return this.#begun !== null;
  }

  addRecord(record: InRecord): void {
    if (headerText(record.headers, HEADER.shadowMark) === null) {
      if (this.outputs.has(sourceOf(record))) this.#doubled += 1;
      if (!this.#isSampled(requestIdIn(record))) this.#unsampled += 1;
      this.outputs.add(sourceOf(record));
      return;
    }
    const { kind, from, to } = decodeControl('shadow-mark', record);
    if (kind === 'begun') this.#begun ??= to;
    if (kind === 'skipped') this.#skipped.push({ from, to });
    this.#done = Math.max(this.#done, to);
  }

  /** Whatever was to be scored before its last word is scored, or passed over with a mark. All of E.shadow is known. */
  addAnswer(answer: { readonly source: number; readonly requestId: Bytes; readonly labelledAt: number | null }): void {
    const { source, requestId, labelledAt } = answer;
    if (source < (this.#begun ?? Number.POSITIVE_INFINITY) || source >= this.#done) return;
    if (!this.#isSampled(requestId)) return;
    if (this.outputs.has(source)) {
      this.due.matched += 1;
      if (labelledAt !== null && labelledAt < this.#labelsEnd) this.due.labelled += 1;
    } else if (this.#skipped.some(({ from, to }) => source >= from && source < to)) this.due.skipped += 1;
    else this.#lacking += 1;
  }

  problems(): string[] {
    const outside = [...this.outputs].filter(
      (source) =>
        source < (this.#begun ?? Number.POSITIVE_INFINITY) ||
        source >= this.#done ||
        this.#skipped.some(({ from, to }) => source >= from && source < to),
    ).length;
    const words = [
      [this.#doubled, 'outputs are there twice'],
      [this.#lacking, `outputs are lacking before ${this.#done}`],
      [this.#unsampled, 'outputs are of requests that are not sampled'],
      [outside, 'outputs lie outside of what its marks say'],
      [this.outputs.size - this.due.matched - outside, 'outputs have no answer'],
    ] as const;
    return words.flatMap(([count, what]) =>
      count === 0 ? [] : [`${this.run}: in partition ${this.partition} ${count} ${what}`],
    );
  }
}

/** Every shadow that a plan of the journal named. */
async function shadowsOf(
  { bus, topics, endpoint, partitions }: RecountPlace,
  totals: ReadonlyMap<string, Totals>,
): Promise<ShadowRun[]> {
  const shadows = new Map<string, PlanShadow>();
  for await (const record of recordsOf(bus, topics.control('events'))) {
    const event = decodeControl('event', record);
    if (event.type !== 'plan-published' || event.endpoint !== endpoint) continue;
    const { rollout } = event.plan;
    for (const shadow of event.plan.shadows) shadows.set(runKey({ rollout, version: shadow.version }), shadow);
  }
  return [...shadows].flatMap(([run, { sampleBp }]) => {
    const isSampled = samplerOf(endpoint, sampleBp);
    return Array.from({ length: partitions }, (_, partition) => {
      const told = totals.get(`${run} ${partition}`);
      const labelsEnd = told?.ended === true ? told.labels.position : Number.POSITIVE_INFINITY;
      return new ShadowRun(run, partition, { isSampled, labelsEnd });
    });
  });
}

async function readShadow({ bus, topics, endpoint }: RecountPlace, shadows: readonly ShadowRun[]): Promise<void> {
  const byPlace = new Map(shadows.map((shadow) => [`${shadow.run} ${shadow.partition}`, shadow]));
  for await (const record of recordsOf(bus, topics.endpoint(endpoint, 'shadow'))) {
    const version = Number(headerText(record.headers, HEADER.version));
    const run = runKey({ rollout: headerText(record.headers, HEADER.shadow) ?? '', version });
    byPlace.get(`${run} ${record.partition}`)?.addRecord(record);
  }
}

/** Where the label of an answer was keyed: an offset of E.keyed-labels, −1 when it was not, null when there is none. */
async function labelLookup({ bus, topics, endpoint }: RecountPlace): Promise<(answer: InRecord) => number | null> {
  const [named, keyed] = [new Set<string>(), new Map<string, number>()];
  const nameOf = ({ key }: InRecord) => new TextDecoder().decode(key ?? new Uint8Array());
  for await (const record of recordsOf(bus, topics.endpoint(endpoint, 'labels'))) named.add(nameOf(record));
  for await (const record of recordsOf(bus, topics.endpoint(endpoint, 'keyed-labels'))) {
    const place = `${record.partition} ${nameOf(record)}`;
    if (!keyed.has(place)) keyed.set(place, record.offset);
  }
  return ({ headers, partition }) => {
    const names = [HEADER.source, HEADER.requestId].map((name) => headerText(headers, name) ?? '');
    const found = names.filter((name) => named.has(name)).map((name) => keyed.get(`${partition} ${name}`) ?? -1);
    return found.length === 0 ? null : Math.min(...found);
  };
}

function requestIdIn(record: InRecord): Bytes {
  return headerBytes(record.headers, HEADER.requestId) ?? new Uint8Array();
}

function sourceOf(record: InRecord): number {
  return parseSource(headerText(record.headers, HEADER.source) ?? '')?.offset ?? -1;
}
