// Headers: the names Millrace writes on routed records and answers, and how to read them.
// Invariant: every header that is not ours passes through untouched, in order.

import type { Bytes, Header } from './record.ts';

/** Header names. Values are UTF-8 text; numbers are decimal. */
export const HEADER = {
  /** Request id: the `ce_id` header, else `topic-partition-offset`. */
  requestId: 'millrace-request-id',
  /** `partition@offset` of the request in `E.requests`. */
  source: 'millrace-source',
  /** Model version that must answer (routed record) or did answer (prediction). */
  version: 'millrace-version',
  /** sha256 of that version's package, hex. */
  digest: 'millrace-digest',
  lane: 'millrace-lane',
  /** Route plan revision whose cut governs the request. */
  plan: 'millrace-plan',
  /** 0..9999, what the share was decided by. */
  bucket: 'millrace-bucket',
  /** `version:REASON_CODE` of the candidate that could not answer. */
  rescuedFrom: 'millrace-rescued-from',
  /** Runtime that produced the answer, e.g. `onnxruntime-node 1.30.0`. */
  runtime: 'millrace-runtime',
  /** Time of the answer's batch in the model's process, microseconds. */
  scoringUs: 'millrace-scoring-us',
  /** On records of `E.shadow`, which are never served: the rollout that the shadow belongs to. */
  shadow: 'millrace-shadow',
  /** On marks of `E.shadow`: their kind. */
  shadowMark: 'millrace-shadow-mark',
  /** Error code of an error answer or a dead letter. */
  error: 'millrace-error',
  /** Reason in words, on dead letters. */
  reason: 'millrace-reason',
  /** Which service wrote a dead letter. */
  stage: 'millrace-stage',
  /** Set by producers: milliseconds since the epoch after which the answer is `EXPIRED`. */
  deadline: 'millrace-deadline-ms',
  /** On a replayed dead letter: the request id that it replays. */
  replayOf: 'millrace-replay-of',
  contentType: 'content-type',
  cloudEventId: 'ce_id',
} as const;

const OURS: ReadonlySet<string> = new Set([
  HEADER.requestId,
  HEADER.source,
  HEADER.version,
  HEADER.digest,
  HEADER.lane,
  HEADER.plan,
  HEADER.bucket,
  HEADER.rescuedFrom,
  HEADER.runtime,
  HEADER.scoringUs,
  HEADER.shadow,
  HEADER.shadowMark,
  HEADER.error,
  HEADER.reason,
  HEADER.stage,
]);

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One header with a text value. */
export function header(name: string, text: string): Header {
  return [name, encoder.encode(text)];
}

/** Text of the last header called `name`, or null. Invalid UTF-8 becomes U+FFFD. */
export function headerText(headers: readonly Header[], name: string): string | null {
  const value = headerBytes(headers, name);
  return value === null ? null : decoder.decode(value);
}

/** Bytes of the last header called `name`, or null. */
export function headerBytes(headers: readonly Header[], name: string): Bytes | null {
  for (let i = headers.length - 1; i >= 0; i--) {
    const entry = headers[i];
    if (entry !== undefined && entry[0] === name) return entry[1];
  }
  return null;
}

/** The headers that Millrace does not own: what a producer sent, without what a producer may not claim. */
export function foreignHeaders(headers: readonly Header[]): Header[] {
  return headers.filter(([name]) => !OURS.has(name));
}
