// Record bytes: how large a record is in a batch of its own, uncompressed: what Kafka compares with `max.message.bytes`.
// Flow: router and scorer ask before they write, the memory bus refuses by it, the CLI checks what it sends.
// Source: Kafka protocol guide, "Record Batch" and "Record" (magic 2).

import type { OutRecord } from './record.ts';

/** Bytes of an empty record batch. */
const BATCH_HEADER_BYTES = 61;
/** Attributes, timestamp delta and offset delta of the first record in a batch: one byte each. */
const RECORD_FIXED_BYTES = 3;

/** Bytes of a batch that holds only this record. */
export function encodedBytes(record: Pick<OutRecord, 'key' | 'value' | 'headers'>): number {
  let body = RECORD_FIXED_BYTES + fieldBytes(record.key?.length ?? null) + fieldBytes(record.value?.length ?? null);
  body += varintBytes(record.headers.length);
  for (const [name, value] of record.headers) body += fieldBytes(utf8Bytes(name)) + fieldBytes(value.length);
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

/** Bytes of a text as UTF-8, without encoding it: one for ASCII, two below U+0800, four per surrogate pair, else three. */
function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0x80) bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2;
  }
  return bytes;
}
