// Answer: the records that one lane record ends in: a prediction, or a rescue.
// (The third end, error answer plus dead letter, is shared/domain/refusal.ts.)
// Invariant: never a silent gap; an answer goes to the partition of its request.

import type { MillraceError } from '../../../shared/domain/errors.ts';
import { HEADER, header } from '../../../shared/domain/headers.ts';
import type { Bytes, InRecord, OutRecord } from '../../../shared/domain/record.ts';
import type { Topics } from '../../../shared/domain/topics.ts';
import type { ScoredBy } from '../../../shared/scoring/isolate.ts';
import type { RescueTarget, Routing } from './triage.ts';

/** The prediction of a scored record. Routing headers say which version answered; foreign ones pass through. */
export function predictionRecord(
  topic: string,
  record: InRecord,
  answer: { readonly value: Bytes; readonly contentType: string; readonly by: ScoredBy },
): OutRecord {
  return {
    topic,
    partition: record.partition,
    key: record.key,
    value: answer.value,
    headers: [
      ...record.headers.filter(([name]) => name !== HEADER.contentType),
      header(HEADER.contentType, answer.contentType),
      header(HEADER.runtime, answer.by.runtime),
      header(HEADER.scoringUs, String(answer.by.scoringUs)),
    ],
  };
}

/** The same request on the incumbent's lane, with the reason on record. */
export function rescueRecord(
  topics: Topics,
  record: InRecord,
  rescue: {
    readonly endpoint: string;
    readonly routing: Routing;
    readonly to: RescueTarget;
    readonly error: MillraceError;
  },
): OutRecord {
  const { endpoint, routing, to, error } = rescue;
  const replaced: ReadonlySet<string> = new Set([HEADER.version, HEADER.digest, HEADER.lane]);
  return {
    topic: topics.lane(endpoint, to.lane),
    partition: record.partition,
    key: record.key,
    value: record.value,
    headers: [
      ...record.headers.filter(([name]) => !replaced.has(name)),
      header(HEADER.version, String(to.model.version)),
      header(HEADER.digest, to.model.digest),
      header(HEADER.lane, to.lane),
      header(HEADER.rescuedFrom, `${routing.model.version}:${error.code}`),
    ],
  };
}
