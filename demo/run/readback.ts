// Readback: the demo's figures, from the topics alone, read with `read_committed` by a group-less reader.

import { isError, type Outcomes, outcomesOf } from '../../shared/analysis/outcomes.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import { decodeControl } from '../../shared/codec/control.ts';
import { decodeAnswer } from '../../shared/codec/registry.ts';
import { addCut, type Cut } from '../../shared/domain/cut.ts';
import { HEADER, headerText } from '../../shared/domain/headers.ts';
import type { InRecord } from '../../shared/domain/record.ts';
import type { EndpointTopicKind, Topics } from '../../shared/domain/topics.ts';
import { type Digits, digitOf } from '../data/digits.ts';
import type { Switch } from './scenario.ts';
import { DIGIT_HEADER } from './traffic.ts';

export interface Readback {
  readonly outcomes: Outcomes;
  /** Share of right answers on test digits, 0..1, by version; null for a version that answered none. */
  readonly accuracy: ReadonlyMap<number, number | null>;
  readonly switches: readonly SwitchReport[];
}

export interface SwitchReport extends Pick<Switch, 'kind' | 'from' | 'to'> {
  /** From the command's record to the last partition's cut, milliseconds; null when a cut is missing. */
  readonly commandToLastCutMs: number | null;
  /** Partitions that took the plan. */
  readonly partitions: number;
}

interface ReadbackOptions {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly endpoint: string;
  readonly digits: Digits;
  readonly switches: readonly Switch[];
}

/** Reads all topics of the endpoint to their ends. */
export async function readBack(options: ReadbackOptions): Promise<Readback> {
  const requests = await readAll(options, 'requests');
  const predictions = await readAll(options, 'predictions');
  const deadLetters = await readAll(options, 'dead-letters');
  const cutRecords = await readAll(options, 'cuts');
  const cuts = new Map<number, readonly Cut[]>();
  for (const record of cutRecords) {
    if (record.value === null) continue;
    cuts.set(record.partition, addCut(cuts.get(record.partition) ?? [], decodeControl('cut', record)));
  }
  const outcomes = outcomesOf({ requests, predictions, deadLetters, cuts });
  return {
    outcomes,
    accuracy: accuracyOf(predictions, options.digits),
    switches: options.switches.map((change) => switchReport(change, cuts)),
  };
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
    if (isError(record) || record.value === null) continue;
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

function switchReport(change: Switch, cuts: ReadonlyMap<number, readonly Cut[]>): SwitchReport {
  const taken = [...cuts.values()]
    .map((list) => list.find((cut) => cut.plan.revision >= change.revision))
    .filter((cut) => cut !== undefined);
  const last = Math.max(...taken.map((cut) => cut.atMs));
  return {
    kind: change.kind,
    from: change.from,
    to: change.to,
    commandToLastCutMs: taken.length < cuts.size || taken.length === 0 ? null : last - change.commandAtMs,
    partitions: taken.length,
  };
}
