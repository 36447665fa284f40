// Record batch, outgoing: records to the bytes of one v2 batch, in one exactly sized buffer.
// Flow: transaction and writer → produce request; also injected into kafkajs (see replacements.ts).
// Invariants: headers keep their order and repetitions; sizes are computed once and nothing is copied twice.
// Format: Kafka protocol, "Record Batch" (magic 2).

import type { Bytes, Header } from '../../../domain/record.ts';
import { crc32c } from './crc32c.ts';

/** Bytes of a batch before its first record. */
export const BATCH_OVERHEAD_BYTES = 61;
const CRC_AT = 17;
const ATTRIBUTES_AT = 21;
const TRANSACTIONAL = 0x10;
const MAGIC = 2;
/** Below this, a loop is faster than `TypedArray.set`. */
const SMALL_BYTES = 24;

/** What the encoder needs of a record; an `OutRecord` is one. */
export interface BatchRecord {
  readonly key: Bytes | null;
  readonly value: Bytes | null;
  readonly headers: readonly Header[];
  /** Milliseconds after the batch's timestamp; default 0. */
  readonly timestampDeltaMs?: number;
}

export interface BatchHead {
  /** Timestamp of the batch, milliseconds since the epoch. */
  readonly timestampMs: number;
  /** Largest timestamp of its records; default the same. */
  readonly timestampMsMax?: number;
  /** −1 when not idempotent, as are epoch and sequence. */
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly transactional: boolean;
}

/** Records of one batch with their measures, so that sizes are computed once. */
export interface BatchPlan<T extends BatchRecord> {
  readonly records: readonly T[];
  /** Bytes of each record without its length prefix. */
  readonly bodies: readonly number[];
  /** Bytes of the whole batch. */
  readonly bytes: number;
}

/**
 * Splits records of one partition into batches of at most `bytesMax` bytes each, in order.
 * A single larger record gets a batch of its own: whether it fits is the broker's to say.
 */
export function planBatches<T extends BatchRecord>(records: readonly T[], bytesMax: number): BatchPlan<T>[] {
  const plans: BatchPlan<T>[] = [];
  let from = 0;
  let bodies: number[] = [];
  let bytes = BATCH_OVERHEAD_BYTES;
  for (let i = 0; i < records.length; i++) {
    const record = records[i] as T;
    let body = bodyBytes(record, bodies.length);
    if (bodies.length > 0 && bytes + varintBytes(body) + body > bytesMax) {
      plans.push({ records: records.slice(from, i), bodies, bytes });
      from = i;
      bodies = [];
      bytes = BATCH_OVERHEAD_BYTES;
      body = bodyBytes(record, 0);
    }
    bodies.push(body);
    bytes += varintBytes(body) + body;
  }
  if (bodies.length > 0) plans.push({ records: from === 0 ? records : records.slice(from), bodies, bytes });
  return plans;
}

/** All records as one batch in a buffer of its own. */
export function encodeBatch(records: readonly BatchRecord[], head: BatchHead): Buffer {
  const plan = planBatches(records, Number.POSITIVE_INFINITY)[0] ?? {
    records,
    bodies: [],
    bytes: BATCH_OVERHEAD_BYTES,
  };
  const target = Buffer.allocUnsafe(plan.bytes);
  writeBatch(target, 0, plan, head);
  return target;
}

/** Writes the batch at `start`; the target has room for `plan.bytes`. @returns where it ends. */
export function writeBatch(target: Buffer, start: number, plan: BatchPlan<BatchRecord>, head: BatchHead): number {
  const { records, bodies } = plan;
  let at = start + BATCH_OVERHEAD_BYTES;
  for (let i = 0; i < records.length; i++) {
    at = writeVarint(target, at, bodies[i] as number);
    at = writeBody(target, at, records[i] as BatchRecord, i);
  }
  target.writeBigInt64BE(0n, start);
  target.writeInt32BE(at - start - 12, start + 8);
  target.writeInt32BE(-1, start + 12);
  target[start + 16] = MAGIC;
  target.writeInt16BE(head.transactional ? TRANSACTIONAL : 0, start + ATTRIBUTES_AT);
  target.writeInt32BE(records.length - 1, start + 23);
  target.writeBigInt64BE(BigInt(head.timestampMs), start + 27);
  target.writeBigInt64BE(BigInt(head.timestampMsMax ?? head.timestampMs), start + 35);
  target.writeBigInt64BE(head.producerId, start + 43);
  target.writeInt16BE(head.producerEpoch, start + 51);
  target.writeInt32BE(head.firstSequence, start + 53);
  target.writeInt32BE(records.length, start + 57);
  target.writeUInt32BE(crc32c(target, start + ATTRIBUTES_AT, at), start + CRC_AT);
  return at;
}

function bodyBytes(record: BatchRecord, offsetDelta: number): number {
  let size = 1 + varintBytes(record.timestampDeltaMs ?? 0) + varintBytes(offsetDelta);
  size += fieldBytes(record.key) + fieldBytes(record.value);
  const headers = record.headers;
  size += varintBytes(headers.length);
  for (let i = 0; i < headers.length; i++) {
    const entry = headers[i] as Header;
    const name = utf8Bytes(entry[0]);
    size += varintBytes(name) + name + fieldBytes(entry[1]);
  }
  return size;
}

function writeBody(target: Buffer, start: number, record: BatchRecord, offsetDelta: number): number {
  let at = start;
  target[at++] = 0; // attributes: unused by the format
  at = writeVarint(target, at, record.timestampDeltaMs ?? 0);
  at = writeVarint(target, at, offsetDelta);
  at = writeField(target, at, record.key);
  at = writeField(target, at, record.value);
  const headers = record.headers;
  at = writeVarint(target, at, headers.length);
  for (let i = 0; i < headers.length; i++) {
    const entry = headers[i] as Header;
    at = writeName(target, at, entry[0]);
    at = writeField(target, at, entry[1]);
  }
  return at;
}

function fieldBytes(field: Bytes | null): number {
  return field === null ? 1 : varintBytes(field.length) + field.length;
}

function writeField(target: Buffer, start: number, field: Bytes | null): number {
  if (field === null) return writeVarint(target, start, -1);
  const at = writeVarint(target, start, field.length);
  const length = field.length;
  if (length > SMALL_BYTES) target.set(field, at);
  else for (let i = 0; i < length; i++) target[at + i] = field[i] as number;
  return at + length;
}

function writeName(target: Buffer, start: number, name: string): number {
  const length = utf8Bytes(name);
  const at = writeVarint(target, start, length);
  if (length === name.length) for (let i = 0; i < length; i++) target[at + i] = name.charCodeAt(i);
  else target.write(name, at, length, 'utf8');
  return at + length;
}

function utf8Bytes(name: string): number {
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) > 127) return Buffer.byteLength(name);
  return name.length;
}

/** Bytes of a zig-zag varint; the value is a 32-bit integer. */
export function varintBytes(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  if (zigzag < 0x80) return 1;
  if (zigzag < 0x4000) return 2;
  if (zigzag < 0x200000) return 3;
  return zigzag < 0x10000000 ? 4 : 5;
}

/** Writes a zig-zag varint. @returns where it ends. */
export function writeVarint(target: Uint8Array, start: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  let at = start;
  while (rest > 0x7f) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at++] = rest;
  return at;
}
