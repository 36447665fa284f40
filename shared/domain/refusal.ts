// Refusal: what becomes of a request that no model will answer: an error answer and a dead letter, together.
// Flow: router (unroutable) and scorer (bad payload, expired, failed rows) → E.predictions and E.dead-letters.
// Invariant: the dead letter keeps key, original bytes and every header, so that it can be replayed.

import type { ErrorCode } from './errors.ts';
import { HEADER, header } from './headers.ts';
import type { Bytes, Header, InRecord, OutRecord } from './record.ts';
import type { Topics } from './topics.ts';

/** Longest reason text on a dead letter, characters: headers have 64 KiB of room in all. */
const REASON_CHARS_MAX = 1024;

export interface Refusal {
  readonly endpoint: string;
  readonly code: ErrorCode;
  readonly message: string;
  /** Service that refuses: `router`, `scorer`. */
  readonly stage: string;
  /** Error answer in the request's codec, and its content-type. */
  readonly answer: Bytes;
  readonly contentType: string;
  /** Routing headers to add when the record does not carry them yet. */
  readonly extraHeaders: readonly Header[];
}

/** Error answer and dead letter of one request, both in the request's partition. */
export function refusalRecords(topics: Topics, record: InRecord, refusal: Refusal): [OutRecord, OutRecord] {
  const carried = [...record.headers, ...refusal.extraHeaders];
  const place = { partition: record.partition, key: record.key };
  const code = header(HEADER.error, refusal.code);
  return [
    {
      ...place,
      topic: topics.endpoint(refusal.endpoint, 'predictions'),
      value: refusal.answer,
      headers: [
        ...carried.filter(([name]) => name !== HEADER.contentType),
        header(HEADER.contentType, refusal.contentType),
        code,
      ],
    },
    {
      ...place,
      topic: topics.endpoint(refusal.endpoint, 'dead-letters'),
      value: record.value,
      headers: [
        ...carried,
        code,
        header(HEADER.reason, refusal.message.slice(0, REASON_CHARS_MAX)),
        header(HEADER.stage, refusal.stage),
      ],
    },
  ];
}
