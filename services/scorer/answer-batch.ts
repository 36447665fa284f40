// AnswerBatch: one batch of lane records to the records that end them. All scoring happens here, before a transaction.
// Flow: take → [triage → decode → score by version → answer, rescue or refuse] → commit.
// Invariant: one outcome per record, in record order; a version that is down with nobody to answer instead is an
//       error of the whole batch (MODEL_UNAVAILABLE), and the partition waits.

import type { DecodedRequest, PayloadCodec } from '../../shared/codec/payload-codec.ts';
import { codecFor } from '../../shared/codec/registry.ts';
import type { Clock } from '../../shared/domain/clock.ts';
import { assert, errorCode, errorText, MillraceError } from '../../shared/domain/errors.ts';
import { HEADER, headerText } from '../../shared/domain/headers.ts';
import type { InRecord, OutRecord } from '../../shared/domain/record.ts';
import { encodedBytes } from '../../shared/domain/record-bytes.ts';
import { refusalRecords } from '../../shared/domain/refusal.ts';
import { type RoutePlan, sameModel } from '../../shared/domain/route-plan.ts';
import { REQUEST_BYTES_MAX, ROUTING_BYTES_MAX, type Topics } from '../../shared/domain/topics.ts';
import { isVersionFailure, type RowOutcome } from '../../shared/scoring/isolate.ts';
import type { Versions } from '../../shared/serving/versions.ts';
import type { Log } from '../../shared/telemetry/logger.ts';
import { predictionRecord, rescueRecord } from './core/answer.ts';
import { type Routing, rescueTarget, triage } from './core/triage.ts';

/** What E.predictions takes, by itself in a batch. */
const ANSWER_BYTES_MAX = REQUEST_BYTES_MAX + ROUTING_BYTES_MAX;
/** Rows that one request may carry, whatever its model's largest batch. */
const ROWS_MAX = 1024;

export interface AnswerContext {
  readonly endpoint: string;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly versions: Versions;
  readonly plan: () => RoutePlan | undefined;
  readonly log: Log;
}

interface Scorable {
  readonly index: number;
  readonly record: InRecord;
  readonly routing: Routing;
  readonly codec: PayloadCodec;
  readonly request: DecodedRequest;
}

/**
 * Outputs of a batch.
 * @throws MODEL_UNAVAILABLE when a version without a stand-in cannot answer; nothing is lost, take the batch again
 */
export async function answerBatch(context: AnswerContext, records: readonly InRecord[]): Promise<OutRecord[]> {
  const ends: (readonly OutRecord[])[] = new Array(records.length);
  const groups = new Map<string, Scorable[]>();
  for (const [index, record] of records.entries()) {
    const end = await prepare(context, index, record);
    if (Array.isArray(end)) ends[index] = end;
    else groupOf(groups, end.routing).push(end);
  }
  await Promise.all([...groups.values()].map((group) => scoreGroup(context, group, ends)));
  // `flat` leaves holes out, and a request with them.
  for (const index of records.keys()) assert(ends[index] !== undefined, `record ${index} of a batch has no end`);
  return ends.flat();
}

function groupOf(groups: Map<string, Scorable[]>, routing: Routing): Scorable[] {
  const key = `${routing.model.version}/${routing.model.digest}`;
  const known = groups.get(key);
  if (known !== undefined) return known;
  const group: Scorable[] = [];
  groups.set(key, group);
  return group;
}

/** Ends a record that needs no scoring, or decodes it. */
async function prepare(context: AnswerContext, index: number, record: InRecord): Promise<OutRecord[] | Scorable> {
  const { endpoint, clock } = context;
  const found = triage(record, context.plan(), { endpoint, nowMs: clock.nowMs() });
  if (found.kind === 'refuse') return refuse(context, record, found.error, null);
  if (found.kind === 'rescue') return [rescueRecord(context.topics, record, { endpoint, ...found })];
  try {
    const { signature, maxBatchRows } = await context.versions.open(found.routing.model);
    if (record.value === null) throw new MillraceError('REQUEST_EMPTY');
    const codec = codecFor(headerText(record.headers, HEADER.contentType), record.value);
    const request = codec.decode(record.value, signature, { rowsMax: ROWS_MAX });
    const scorable = { index, record, routing: found.routing, codec, request };
    if (request.rows <= maxBatchRows) return scorable;
    // What another version may well take: a candidate's smaller batch must not turn the request away.
    const error = new MillraceError('REQUEST_TOO_MANY_ROWS', { rows: request.rows, limit: maxBatchRows });
    return unanswered(context, scorable, error);
  } catch (error) {
    return isVersionFailure(error)
      ? standIn(context, record, found.routing, error)
      : refuse(context, record, error, null);
  }
}

async function scoreGroup(
  context: AnswerContext,
  group: readonly Scorable[],
  ends: (readonly OutRecord[])[],
): Promise<void> {
  const model = group[0]?.routing.model;
  if (model === undefined) return;
  try {
    const outcomes = await context.versions.score(
      model,
      group.map((item) => item.request),
    );
    for (const [place, item] of group.entries()) {
      const outcome = outcomes[place];
      if (outcome !== undefined) ends[item.index] = end(context, item, outcome);
    }
  } catch (error) {
    if (!isVersionFailure(error)) throw error;
    for (const item of group) ends[item.index] = standIn(context, item.record, item.routing, error);
  }
}

/** How one scored or failed request ends. An answer that no topic would take is a failure of its model. */
function end(context: AnswerContext, item: Scorable, outcome: RowOutcome): OutRecord[] {
  const { endpoint, topics } = context;
  const { record, routing, codec, request } = item;
  if (outcome.kind === 'failed') return unanswered(context, item, outcome.error);
  const { model } = outcome.by;
  // The prediction's headers are those of the lane record: they must not name a version that did not answer.
  assert(sameModel(model, routing.model), `version ${model.version} answered for version ${routing.model.version}`);
  const value = codec.encodeAnswer({ id: request.id, endpoint, model, outputs: outcome.outputs });
  const topic = topics.endpoint(endpoint, 'predictions');
  const prediction = predictionRecord(topic, record, { value, contentType: codec.contentType, by: outcome.by });
  const bytes = encodedBytes(prediction);
  if (bytes <= ANSWER_BYTES_MAX) return [prediction];
  return unanswered(context, item, new MillraceError('RECORD_TOO_LARGE', { bytes, topic }));
}

/** The version works, but not with this request: the incumbent answers, or it is refused. */
function unanswered(context: AnswerContext, item: Scorable, error: MillraceError): OutRecord[] {
  const { endpoint, topics } = context;
  const { record, routing, request } = item;
  const to = rescueTarget(context.plan(), routing);
  return to === null
    ? refuse(context, record, error, request.id)
    : [rescueRecord(topics, record, { endpoint, routing, to, error })];
}

/** The whole version is down: the incumbent answers, or nobody can and the partition waits. */
function standIn(context: AnswerContext, record: InRecord, routing: Routing, error: unknown): OutRecord[] {
  const to = rescueTarget(context.plan(), routing);
  if (to === null || !(error instanceof MillraceError)) {
    context.versions.revive(routing.model);
    throw error;
  }
  return [rescueRecord(context.topics, record, { endpoint: context.endpoint, routing, to, error })];
}

function refuse(context: AnswerContext, record: InRecord, error: unknown, id: string | null): OutRecord[] {
  const { endpoint, topics } = context;
  const codec = codecFor(headerText(record.headers, HEADER.contentType), record.value ?? new Uint8Array());
  const code = errorCode(error);
  const message = errorText(error);
  context.log('dead-letter-written', {
    service: 'scorer',
    endpoint,
    code,
    partition: record.partition,
    offset: record.offset,
  });
  const answer = codec.encodeError({ id, endpoint, code, message });
  return refusalRecords(topics, record, {
    endpoint,
    code,
    message,
    stage: 'scorer',
    answer,
    contentType: codec.contentType,
    extraHeaders: [],
  });
}
