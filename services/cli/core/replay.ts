// Replay: a dead letter as a new request with the original key and bytes.
// Invariants: the new request gets an id of its own and names the old one; a deadline that has passed is not kept; the
//       partition is the old one, so that the key keeps its place whoever partitioned it.

import { foreignHeaders, HEADER, header, headerText } from '../../../shared/domain/headers.ts';
import type { InRecord, OutRecord } from '../../../shared/domain/record.ts';
import { encodedBytes } from '../../../shared/domain/record-bytes.ts';
import { REQUEST_BYTES_MAX } from '../../../shared/domain/topics.ts';

/** Which dead letters are meant. */
export interface Selection {
  /** `partition@offset` of the request; null: any. */
  readonly source: string | null;
  /** Error code; null: any. */
  readonly code: string | null;
}

/** Headers of the old request that the new one does not inherit. */
const NOT_INHERITED: ReadonlySet<string> = new Set([HEADER.deadline, HEADER.cloudEventId, HEADER.replayOf]);

export function isSelected(record: InRecord, { source, code }: Selection): boolean {
  return (
    (source === null || headerText(record.headers, HEADER.source) === source) &&
    (code === null || headerText(record.headers, HEADER.error) === code)
  );
}

/** The new request; or, in words, why the dead letter cannot be one. */
export function replayOf(record: InRecord, topic: string): OutRecord | string {
  const id = headerText(record.headers, HEADER.requestId);
  if (id === null) return 'it names no request: Millrace did not write it';
  if (record.value === null) return 'it has no bytes: the request was empty, or too large to be kept';
  const { partition, key, value } = record;
  const headers = foreignHeaders(record.headers).filter(([name]) => !NOT_INHERITED.has(name));
  const request = { topic, partition, key, value, headers: [...headers, header(HEADER.replayOf, id)] };
  // It fitted once, but the header that names the old request may be one too many.
  const bytes = encodedBytes(request);
  return bytes > REQUEST_BYTES_MAX ? `as a new request it has ${bytes} bytes, more than ${REQUEST_BYTES_MAX}` : request;
}
