// Explain: what had to become of one request by the cuts, what became of it by the topics, and whether the two agree.
// Flow: commands/explain.ts reads → [explain] → text or JSON; the shape of Explanation is what `-o json` prints.
// Invariant: pure; uses the very function that routes (shared/domain/route.ts). A rescue that is on record is agreement.

import { type Cut, cutAt } from '../../../shared/domain/cut.ts';
import { HEADER, headerText } from '../../../shared/domain/headers.ts';
import { formatSource, type InRecord } from '../../../shared/domain/record.ts';
import { decideRoute, type RouteDecision, requestIdOf } from '../../../shared/domain/route.ts';
import { LANES, type Lane } from '../../../shared/domain/route-plan.ts';
import { isoTime } from './time-text.ts';

export interface ExplainInput {
  readonly endpoint: string;
  readonly request: InRecord;
  /** Of the request's partition, in order. */
  readonly cuts: readonly Cut[];
  /** Next offset that the router's group has committed in the request's partition; −1 for none. Read before the rest. */
  readonly routerCommitted: number;
  /** The same of each lane's group. */
  readonly laneCommitted: Readonly<Record<Lane, number>>;
  /** Records of this source in the lanes, predictions and dead letters. */
  readonly laneRecords: readonly (readonly [lane: Lane, record: InRecord])[];
  readonly predictions: readonly InRecord[];
  readonly deadLetters: readonly InRecord[];
}

export interface Explanation {
  readonly endpoint: string;
  readonly source: string;
  readonly requestId: string;
  readonly time: string;
  /** By the cuts; null while no plan routes the request. */
  readonly route: {
    readonly cutOffset: number;
    readonly plan: number;
    readonly rollout: string;
    readonly bucket: number;
    readonly lane: Lane;
    readonly weightBp: number;
    readonly version: number;
    readonly digest: string;
  } | null;
  /** Where it was queued, in the order of the lanes' records. */
  readonly journey: readonly Hop[];
  readonly outcomes: readonly Outcome[];
  readonly deadLetters: readonly {
    readonly offset: number;
    readonly code: string;
    readonly stage: string;
    readonly reason: string;
  }[];
  readonly verdict: 'answered' | 'rescued' | 'dead-lettered' | 'waiting' | 'disagrees';
  /** What does not agree, in words. */
  readonly problems: readonly string[];
}

interface Hop {
  readonly lane: Lane;
  readonly offset: number;
  readonly version: number;
  /** `version:REASON` of the version that could not answer. */
  readonly rescuedFrom: string | null;
}

interface Outcome {
  readonly offset: number;
  readonly time: string;
  readonly error: string | null;
  readonly version: number | null;
  readonly digest: string | null;
  readonly runtime: string | null;
  readonly rescuedFrom: string | null;
}

const decoder = new TextDecoder();

export function explain(input: ExplainInput): Explanation {
  const { endpoint, request, cuts } = input;
  const decision = decideRoute(cuts, request);
  const outcomes = input.predictions.map(outcomeOf);
  const journey = journeyOf(input);
  const problems = [
    ...journeyProblems(decision, input),
    ...outcomes.flatMap((outcome) => outcomeProblems(decision, outcome, input.laneRecords)),
    ...countProblems(input, journey, decision?.plan.delivery === 'at-least-once'),
  ];
  return {
    endpoint,
    source: formatSource(request),
    requestId: decoder.decode(requestIdOf(request)),
    time: isoTime(request.timestampMs),
    route: decision === null ? null : routeOf(cuts, request, decision),
    journey,
    outcomes,
    deadLetters: input.deadLetters.map((record) => ({
      offset: record.offset,
      code: headerText(record.headers, HEADER.error) ?? '',
      stage: headerText(record.headers, HEADER.stage) ?? '',
      reason: headerText(record.headers, HEADER.reason) ?? '',
    })),
    verdict: problems.length > 0 ? 'disagrees' : verdictOf(outcomes),
    problems,
  };
}

function verdictOf(outcomes: readonly Outcome[]): Explanation['verdict'] {
  const [outcome] = outcomes;
  if (outcome === undefined) return 'waiting';
  if (outcome.error !== null) return 'dead-lettered';
  return outcome.rescuedFrom === null ? 'answered' : 'rescued';
}

function routeOf(cuts: readonly Cut[], request: InRecord, decision: RouteDecision): Explanation['route'] {
  const { plan, lane, model, bucket } = decision;
  return {
    cutOffset: cutAt(cuts, request.offset)?.offset ?? 0,
    plan: plan.revision,
    rollout: plan.rollout,
    bucket,
    lane,
    weightBp: plan.shares.find((share) => share.lane === lane)?.weightBp ?? 0,
    version: model.version,
    digest: model.digest,
  };
}

/** A rescue comes after what it rescues, though it may lie in another lane. */
function journeyOf({ laneRecords }: ExplainInput): Hop[] {
  const hops = laneRecords.map(([lane, { offset, headers }]) => ({
    lane,
    offset,
    version: Number(headerText(headers, HEADER.version)),
    rescuedFrom: headerText(headers, HEADER.rescuedFrom),
  }));
  return [...hops.filter((hop) => hop.rescuedFrom === null), ...hops.filter((hop) => hop.rescuedFrom !== null)];
}

function outcomeOf({ offset, timestampMs, headers }: InRecord): Outcome {
  const version = headerText(headers, HEADER.version);
  return {
    offset,
    time: isoTime(timestampMs),
    error: headerText(headers, HEADER.error),
    version: version === null ? null : Number(version),
    digest: headerText(headers, HEADER.digest),
    runtime: headerText(headers, HEADER.runtime),
    rescuedFrom: headerText(headers, HEADER.rescuedFrom),
  };
}

function journeyProblems(decision: RouteDecision | null, input: ExplainInput): string[] {
  return input.laneRecords
    .filter(([, record]) => headerText(record.headers, HEADER.rescuedFrom) === null)
    .flatMap(([lane, { offset, headers }]) => {
      const place = `the record in lane ${lane} at ${offset}`;
      if (decision === null) return [`${place} was routed by no cut`];
      const expected = {
        [HEADER.version]: String(decision.model.version),
        [HEADER.digest]: decision.model.digest,
        [HEADER.lane]: decision.lane,
        [HEADER.plan]: String(decision.plan.revision),
        [HEADER.bucket]: String(decision.bucket),
      };
      const wrong = Object.entries(expected).filter(([name, value]) => headerText(headers, name) !== value);
      const moved = lane === decision.lane ? [] : [`${place} should be in lane ${decision.lane}`];
      return [
        ...moved,
        ...wrong.map(([name, value]) => `${place} has ${name} ${headerText(headers, name)}, the cuts say ${value}`),
      ];
    });
}

function outcomeProblems(
  decision: RouteDecision | null,
  outcome: Outcome,
  laneRecords: ExplainInput['laneRecords'],
): string[] {
  if (outcome.error !== null) return [];
  if (decision === null) return [`v${outcome.version} answered, but no cut routes the request`];
  const { model } = decision;
  if (outcome.rescuedFrom !== null) {
    const [from] = outcome.rescuedFrom.split(':');
    if (from !== String(model.version)) {
      return [`the answer is a rescue from v${from}, but the cuts name v${model.version}`];
    }
    const onRecord = laneRecords.some(
      ([, { headers }]) =>
        headerText(headers, HEADER.rescuedFrom)?.split(':')[0] === from &&
        headerText(headers, HEADER.version) === String(outcome.version) &&
        headerText(headers, HEADER.digest) === outcome.digest,
    );
    return onRecord ? [] : [`v${outcome.version} answered a rescue that no lane holds`];
  }
  if (outcome.version !== model.version) return [`v${outcome.version} answered, but the cuts name v${model.version}`];
  return outcome.digest === model.digest ? [] : [`the answer is of another package of v${model.version}`];
}

/**
 * Exactly one answer; or one error answer and one dead letter; or none of them while it is still on its way. At least once
 * either may be there again.
 */
function countProblems(input: ExplainInput, journey: readonly Hop[], mayRepeat: boolean): string[] {
  const errors = input.predictions.filter((record) => headerText(record.headers, HEADER.error) !== null).length;
  const answers = input.predictions.length - errors;
  const letters = input.deadLetters.length;
  const counts = [answers, errors, letters].join();
  if (counts === '1,0,0' || counts === '0,1,1') return [];
  const ended = counts !== '0,0,0';
  // As the audit has it: of answers any number, of error answers and dead letters both or neither.
  if (ended && mayRepeat && errors > 0 === letters > 0) return [];
  if (ended) {
    return [`it ended in ${answers} answers, ${errors} error answers and ${letters} dead letters, instead of once`];
  }
  if (input.routerCommitted <= input.request.offset) return [];
  if (journey.length === 0) return ['the router has passed it, but it is in no lane and has no outcome'];
  const done = journey.every((hop) => input.laneCommitted[hop.lane] > hop.offset);
  return done ? ['every lane that it was in has been answered, but it has no outcome: it is lost'] : [];
}

/** Lanes with nothing committed. */
export const NOTHING_COMMITTED = Object.fromEntries(LANES.map((lane) => [lane, -1])) as Record<Lane, number>;
