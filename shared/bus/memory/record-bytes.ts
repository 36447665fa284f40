// Record bytes: how large a record is, for limits of batches and of topics.
// Invariant: `encodedBytes` is what Kafka compares with `max.message.bytes`, so that both buses refuse the same records.

import type { OutRecord } from '../../domain/record.ts';

/** What Kafka allows on a topic that does not set `max.message.bytes`. */
export const MESSAGE_BYTES_DEFAULT = 1_048_588;

/** Bytes of an empty record batch, magic 2. Source: Kafka protocol guide, "Record Batch". */
const BATCH_HEADER_BYTES = 61;
/** Attributes, timestamp delta and offset delta of the first record in a batch: one byte each. */
const RECORD_FIXED_BYTES = 3;

type Payload = Pick<OutRecord, 'key' | 'value' | 'headers'>;

/** Sum of key, value and header bytes: what `maxBytes` of `take` counts. */
export function payloadBytes(record: Payload): number {
  let bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const [name, value] of record.headers) bytes += Buffer.byteLength(name) + value.length;
  return bytes;
}

/** Bytes of a batch that holds only this record, uncompressed. Source: Kafka protocol guide, "Record". */
export function encodedBytes(record: Payload): number {
  let body = RECORD_FIXED_BYTES + fieldBytes(record.key?.length ?? null) + fieldBytes(record.value?.length ?? null);
  body += varintBytes(record.headers.length);
  for (const [name, value] of record.headers) body += fieldBytes(Buffer.byteLength(name)) + fieldBytes(value.length);
  return BATCH_HEADER_BYTES + varintBytes(body) + body;
}

/** A length prefix and that many bytes; null is the length −1. */
function fieldBytes(length: number | null): number {
  return length === null ? 1 : varintBytes(length) + length;
}

/** Bytes of a zigzag varint of a number ≥ 0. */
function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value * 2; rest >= 128; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}
