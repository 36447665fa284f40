// Refuse: what becomes of a request that fits no lane: an error answer and a dead letter.
// Invariant: the records always fit their topics. The value stays in E.requests: no topic could take it.

import { oipJson } from '../../shared/codec/oip-json.ts';
import { errorCode, errorText, type MillraceError } from '../../shared/domain/errors.ts';
import { foreignHeaders, HEADER, header } from '../../shared/domain/headers.ts';
import { formatSource, type InRecord, type OutRecord } from '../../shared/domain/record.ts';
import { encodedBytes } from '../../shared/domain/record-bytes.ts';
import { refusalRecords } from '../../shared/domain/refusal.ts';
import { requestIdOf } from '../../shared/domain/route.ts';
import { REQUEST_BYTES_MAX, type Topics } from '../../shared/domain/topics.ts';

export function refuse(
  topics: Topics,
  endpoint: string,
  refused: { readonly record: InRecord; readonly error: MillraceError },
): readonly OutRecord[] {
  const { record, error } = refused;
  const answer = { id: null, endpoint, code: errorCode(error), message: errorText(error) };
  return refusalRecords(topics, whatFits(record), {
    endpoint,
    code: error.code,
    message: error.message,
    stage: 'router',
    answer: oipJson.encodeError(answer),
    contentType: oipJson.contentType,
    extraHeaders: [[HEADER.requestId, requestIdOf(record)], header(HEADER.source, formatSource(record))],
  });
}

/** The record without its value, and without headers or key where they alone are too large. */
function whatFits(record: InRecord): InRecord {
  const whole = { ...record, value: null, headers: foreignHeaders(record.headers) };
  const bare = { ...whole, headers: [] };
  return [whole, bare].find((one) => encodedBytes(one) <= REQUEST_BYTES_MAX) ?? { ...bare, key: null };
}
