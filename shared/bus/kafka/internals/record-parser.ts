// Record parser: the bytes of one record to an `InRecord`, in one pass.
// Flow: record reader, for every record of an open batch; also injected into kafkajs (see replacements.ts).
// Invariants: never reads past the record, whatever it holds; keys, values and header values are views of the bytes;
//             headers keep their order and repetitions, a null header value reads as no bytes.
// Format: Kafka protocol, "Record" (magic 2).

import { type Bytes, HEADERS_MAX, type Header, type InRecord } from '../../../domain/record.ts';
import { headerName } from './header-names.ts';

const EMPTY = Buffer.alloc(0);
/** What a header takes beside its bytes: without it, a batch of empty ones would fit any budget. */
const HEADER_COST_BYTES = 40;
/** Attributes, two deltas, key, value and header count take a byte each. */
const BODY_BYTES_MIN = 6;

/** What a record takes over from its batch. */
export interface RecordFrame {
  readonly topic: string;
  readonly partition: number;
  readonly baseOffset: number;
  readonly baseTimestampMs: number;
  /** Timestamp of every record when the broker set it, else −1. */
  readonly appendTimeMs: number;
}

/** A cursor over the records of one batch. */
export class RecordParser {
  /** Where the next record begins. */
  at = 0;
  /** Key, value and header bytes of the record that was read last, and what its headers cost. */
  size = 0;
  private readonly data: Buffer;
  private readonly fail: (detail: string) => Error;

  constructor(data: Buffer, fail: (detail: string) => Error) {
    this.data = data;
    this.fail = fail;
  }

  /** The record at `at`, with its length prefix. @throws what `fail` makes, when the bytes are no record */
  read(frame: RecordFrame): InRecord {
    const length = this.varint();
    return this.readBody(length, frame);
  }

  /** The record at `at`, whose body has `length` bytes. */
  readBody(length: number, frame: RecordFrame): InRecord {
    const { data } = this;
    const end = this.at + length;
    if (length < BODY_BYTES_MIN || end > data.length) throw this.fail(`record of ${length} bytes`);
    this.at++; // attributes: unused by the format
    const timestampDelta = this.varlong();
    const offset = frame.baseOffset + this.varint();
    const key = this.field(end);
    const value = this.field(end);
    this.size = (key === null ? 0 : key.length) + (value === null ? 0 : value.length);
    const headers = this.headers(end);
    if (this.at !== end) throw this.fail(`record of ${length} bytes ends ${this.at - end} bytes off`);
    const timestampMs = frame.appendTimeMs >= 0 ? frame.appendTimeMs : frame.baseTimestampMs + timestampDelta;
    return { topic: frame.topic, partition: frame.partition, offset, timestampMs, key, value, headers };
  }

  /** The last of them, where a record has more than are read. */
  private headers(end: number): readonly Header[] {
    const count = this.varint();
    if (count < 0 || count * 2 > end - this.at) throw this.fail(`${count} headers`);
    for (let skipped = HEADERS_MAX + 1; skipped < count; skipped++) this.skipHeader(end);
    const headers: Header[] = [];
    for (let i = Math.min(count, HEADERS_MAX + 1); i > 0; i--) {
      const length = this.varint();
      const start = this.at;
      if (length < 0 || start + length > end) throw this.fail(`header name of ${length} bytes`);
      const name = headerName(this.data, start, start + length);
      this.at = start + length;
      const value = this.field(end) ?? EMPTY;
      this.size += length + value.length + HEADER_COST_BYTES;
      headers.push([name, value]);
    }
    return headers;
  }

  private skipHeader(end: number): void {
    for (const least of [0, -1]) {
      const length = this.varint();
      if (length < least || this.at + length > end) throw this.fail(`header of ${length} bytes`);
      this.at += Math.max(length, 0);
    }
  }

  private field(end: number): Bytes | null {
    const length = this.varint();
    if (length === -1) return null;
    const start = this.at;
    if (length < 0 || start + length > end) throw this.fail(`field of ${length} bytes`);
    if (length === 0) return EMPTY;
    this.at = start + length;
    return this.data.subarray(start, start + length);
  }

  /** Zig-zag varint, at most five bytes. Past the end it reads zeros; the caller checks where it ended. */
  private varint(): number {
    const { data } = this;
    let byte = data[this.at++] ?? 0;
    let raw = byte & 0x7f;
    for (let shift = 7; byte > 0x7f && shift <= 28; shift += 7) {
      byte = data[this.at++] ?? 0;
      raw |= (byte & 0x7f) << shift;
    }
    return (raw >>> 1) ^ -(raw & 1);
  }

  /** Zig-zag varlong as a number, exact up to 2^53; at most ten bytes. */
  private varlong(): number {
    const { data } = this;
    let byte = data[this.at++] ?? 0;
    let raw = byte & 0x7f;
    for (let scale = 128; byte > 0x7f && scale < 2 ** 70; scale *= 128) {
      byte = data[this.at++] ?? 0;
      raw += (byte & 0x7f) * scale;
    }
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
  }
}
