// Outcomes: from the topics alone, did every request end exactly once, and was it answered by the right version?
// Flow: `read_committed` batches of requests, cuts, predictions and dead letters → fold → counts.
// Invariant: identity is the source (`partition@offset`), never a service's counter.

import type { Cut } from '../domain/cut.ts';
import { HEADER, headerText } from '../domain/headers.ts';
import { formatSource, type InRecord } from '../domain/record.ts';
import { decideRoute } from '../domain/route.ts';

/** What happened to the requests of one endpoint. */
export interface Outcomes {
  readonly requests: number;
  /** Sources with exactly one model's answer. */
  readonly answered: number;
  /** Sources that ended as an error answer with a dead letter. */
  readonly deadLettered: number;
  /** Sources with no outcome. */
  readonly lost: number;
  /** Sources with more than one outcome, and outcomes of no request. */
  readonly duplicated: number;
  /** Answers by another version than the cuts name, without a rescue on record. */
  readonly wrongVersion: number;
  /** By version: answers, and how many of them were rescues. */
  readonly versions: ReadonlyMap<number, VersionOutcomes>;
}

export interface VersionOutcomes {
  readonly answers: number;
  /** Answers given for a candidate that could not. */
  readonly rescued: number;
  readonly runtimes: readonly string[];
}

export interface OutcomeTopics {
  readonly requests: readonly InRecord[];
  readonly predictions: readonly InRecord[];
  readonly deadLetters: readonly InRecord[];
  /** Cuts by partition, in order. */
  readonly cuts: ReadonlyMap<number, readonly Cut[]>;
}

/** Folds one endpoint's topics into counts. */
export function outcomesOf(topics: OutcomeTopics): Outcomes {
  const answers = countBySource(topics.predictions.filter((record) => !isError(record)));
  const errors = countBySource(topics.predictions.filter(isError));
  const letters = countBySource(topics.deadLetters);
  const known = new Map(topics.requests.map((record) => [formatSource(record), record]));
  let answered = 0;
  let deadLettered = 0;
  let lost = 0;
  let duplicated = 0;
  for (const source of known.keys()) {
    const ends = [answers.get(source) ?? 0, errors.get(source) ?? 0, letters.get(source) ?? 0].join();
    if (ends === '1,0,0') answered += 1;
    else if (ends === '0,1,1') deadLettered += 1;
    else if (ends === '0,0,0' || ends === '0,1,0' || ends === '0,0,1') lost += 1;
    else duplicated += 1;
  }
  for (const source of [...answers.keys(), ...errors.keys(), ...letters.keys()])
    if (!known.has(source)) duplicated += 1;
  return {
    requests: known.size,
    answered,
    deadLettered,
    lost,
    duplicated,
    wrongVersion: topics.predictions.filter((record) => isWrongVersion(record, known, topics.cuts)).length,
    versions: versionsOf(topics.predictions),
  };
}

/** Source header of an answer or a dead letter; empty text when it has none. */
export function sourceOf(record: InRecord): string {
  return headerText(record.headers, HEADER.source) ?? '';
}

export function isError(record: InRecord): boolean {
  return headerText(record.headers, HEADER.error) !== null;
}

function countBySource(records: readonly InRecord[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const record of records) counts.set(sourceOf(record), (counts.get(sourceOf(record)) ?? 0) + 1);
  return counts;
}

function isWrongVersion(
  answer: InRecord,
  requests: ReadonlyMap<string, InRecord>,
  cuts: OutcomeTopics['cuts'],
): boolean {
  const request = requests.get(sourceOf(answer));
  if (request === undefined || isError(answer)) return false;
  const decision = decideRoute(cuts.get(request.partition) ?? [], request);
  if (decision === null) return true;
  const rescuedFrom = headerText(answer.headers, HEADER.rescuedFrom);
  const version = rescuedFrom === null ? headerText(answer.headers, HEADER.version) : rescuedFrom.split(':')[0];
  return version !== String(decision.model.version);
}

function versionsOf(predictions: readonly InRecord[]): Map<number, VersionOutcomes> {
  const versions = new Map<number, VersionOutcomes>();
  for (const record of predictions) {
    if (isError(record)) continue;
    const version = Number(headerText(record.headers, HEADER.version));
    const before = versions.get(version) ?? { answers: 0, rescued: 0, runtimes: [] };
    const runtime = headerText(record.headers, HEADER.runtime) ?? '';
    versions.set(version, {
      answers: before.answers + 1,
      rescued: before.rescued + (headerText(record.headers, HEADER.rescuedFrom) === null ? 0 : 1),
      runtimes: before.runtimes.includes(runtime) ? before.runtimes : [...before.runtimes, runtime],
    });
  }
  return versions;
}
