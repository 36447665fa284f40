// AddAnswer: one record of E.predictions into a comparison. The comparator and a replay take answers alike.

import type { Comparison } from '../comparison/comparison.ts';
import type { Bytes, InRecord } from '../domain/record.ts';
import { type FieldsInUse, readOutcome, requestIdIn, sourceIn } from './outcomes.ts';

export interface AnswersInUse extends FieldsInUse {
  readonly isSampled: (requestId: Bytes) => boolean;
  /** The request id as text where it is not just the request's place; else null. */
  readonly ownId: (requestId: Bytes) => string | null;
}

/** Moves the answers' input on, whatever the record says. */
export function addAnswer(comparison: Comparison, record: InRecord, use: AnswersInUse): void {
  const { join } = comparison;
  const { headers, offset, partition } = record;
  const requestId = requestIdIn(headers);
  // Decoding is most of what an answer costs: what the sample leaves out is passed over undecoded.
  if (!use.isSampled(requestId)) {
    join.live.read(offset, sourceIn(headers, partition) ?? -1);
    return;
  }
  const read = readOutcome(record, use);
  join.live.read(offset, read.kind === 'outcome' ? read.source : -1);
  if (read.kind === 'unreadable') join.addUnreadable('live', offset);
  else comparison.addLive(read.source, read.placed, use.ownId(requestId));
}
