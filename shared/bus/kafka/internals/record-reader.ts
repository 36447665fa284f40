// Record reader: a fetched record set to records, as far as a caller wants them.
// Flow: fetch response → queue of readers per partition → `take`.
// Invariants: a batch is read only when its checksum fits; a partial batch at the tail is ignored; control and aborted batches only move `nextOffset`; a compressed
//             batch cannot grow without bound.
// Format: Kafka protocol, "Record Batch" (magic 2).

import { gunzipSync } from 'node:zlib';
import { errorText, MillraceError } from '../../../domain/errors.ts';
import type { InRecord } from '../../../domain/record.ts';
import { type AbortedFilter, CONTROL_ABORT, controlType } from './aborted-filter.ts';
import { crc32c } from './crc32c.ts';
import { BATCH_OVERHEAD_BYTES } from './record-batch.ts';
import { type RecordFrame, RecordParser } from './record-parser.ts';

/** What one compressed batch may grow to. */
export const INFLATED_BATCH_BYTES_MAX = 16 * 1_048_576;

const LENGTH_OVERHEAD = 12;
const RECORD_BYTES_MIN = 7;
const MAGIC_AT = 16;
const CRC_AT = 17;
/** The checksum covers everything from the attributes on. */
const CHECKED_AT = 21;
const MAGIC = 2;
const CODEC_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
const GZIP = 1;
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** What a caller still takes; counted down by the reader. A first record larger than `bytes` comes all the same. */
export interface TakeBudget {
  records: number;
  bytes: number;
}

/** Offset behind the last complete batch; null when there is none. */
export function endOfRecordSet(bytes: Buffer): number | null {
  let end: number | null = null;
  for (let at = 0; at + BATCH_OVERHEAD_BYTES <= bytes.length; ) {
    const size = bytes.readInt32BE(at + 8) + LENGTH_OVERHEAD;
    if (size < BATCH_OVERHEAD_BYTES || at + size > bytes.length) break;
    end = int64(bytes, at) + bytes.readInt32BE(at + 23) + 1;
    at += size;
  }
  return end;
}

interface ReaderOptions {
  readonly topic: string;
  readonly partition: number;
  readonly bytes: Buffer;
  /** Records before it are skipped: a fetch may begin inside a batch. */
  readonly fromOffset: number;
  /** Null: read_uncommitted. */
  readonly filter: AbortedFilter | null;
}

interface OpenBatch {
  readonly parser: RecordParser;
  readonly frame: RecordFrame;
  /** Records that are left. */
  left: number;
  readonly endOffset: number;
}

/** A cursor over one record set. */
export class RecordReader {
  /** Position behind everything handed out or skipped. */
  nextOffset: number;
  private readonly options: ReaderOptions;
  /** Start of the next batch in `options.bytes`. */
  private batchAt = 0;
  private open: OpenBatch | null = null;

  constructor(options: ReaderOptions) {
    this.options = options;
    this.nextOffset = options.fromOffset;
  }

  /**
   * Appends records to `into` until the budget is spent or the set is read.
   * @returns true when the set is read to its end
   * @throws BATCH_UNREADABLE for bytes that are not a batch, or a codec that is not there
   */
  read(budget: TakeBudget, into: InRecord[]): boolean {
    for (;;) {
      const batch = this.openBatch();
      if (batch === null) return true;
      if (budget.records <= 0) return false;
      const { parser } = batch;
      const start = parser.at;
      const record = parser.read(batch.frame);
      if (record.offset >= this.options.fromOffset) {
        if (parser.size > budget.bytes && into.length > 0) {
          parser.at = start;
          return false;
        }
        into.push(record);
        budget.records--;
        budget.bytes -= parser.size;
        this.nextOffset = record.offset + 1;
      }
      batch.left--;
    }
  }

  /** The batch that holds the caller's next record; null at the end of the set. */
  private openBatch(): OpenBatch | null {
    if (this.open !== null) {
      if (this.open.left > 0) return this.open;
      this.nextOffset = Math.max(this.nextOffset, this.open.endOffset);
      this.open = null;
    }
    const { bytes } = this.options;
    while (this.batchAt + BATCH_OVERHEAD_BYTES <= bytes.length) {
      const start = this.batchAt;
      const size = bytes.readInt32BE(start + 8) + LENGTH_OVERHEAD;
      if (size < BATCH_OVERHEAD_BYTES) throw this.unreadable(`batch of ${size} bytes`);
      if (start + size > bytes.length) return null;
      if (bytes[start + MAGIC_AT] !== MAGIC) throw this.unreadable(`message format ${bytes[start + MAGIC_AT]}`);
      if (crc32c(bytes, start + CHECKED_AT, start + size) !== bytes.readUInt32BE(start + CRC_AT)) {
        throw this.unreadable('its checksum does not fit');
      }
      const batch = this.wanted(start, size);
      this.batchAt = start + size;
      if (batch !== null && batch.left > 0) {
        this.open = batch;
        return batch;
      }
      const lastOffset = int64(bytes, start) + bytes.readInt32BE(start + 23);
      this.nextOffset = Math.max(this.nextOffset, lastOffset + 1);
    }
    return null;
  }

  /** The batch at `start`, or null when it is a control batch, was aborted, or lies before the position. */
  private wanted(start: number, size: number): OpenBatch | null {
    const { bytes, filter, fromOffset } = this.options;
    const attributes = bytes.readInt16BE(start + 21);
    const producerId = int64(bytes, start + 43);
    const lastOffset = int64(bytes, start) + bytes.readInt32BE(start + 23);
    if ((attributes & CONTROL) !== 0) {
      if (filter !== null) this.readControl(this.batchAtStart(start, size, attributes), producerId);
      return null;
    }
    const aborted = filter !== null && (attributes & TRANSACTIONAL) !== 0 && filter.isAborted(producerId, lastOffset);
    return aborted || lastOffset < fromOffset ? null : this.batchAtStart(start, size, attributes);
  }

  private batchAtStart(start: number, size: number, attributes: number): OpenBatch {
    const { bytes, topic, partition } = this.options;
    const body = bytes.subarray(start + BATCH_OVERHEAD_BYTES, start + size);
    const codec = attributes & CODEC_MASK;
    const data = codec === 0 ? body : this.inflate(body, codec);
    const left = bytes.readInt32BE(start + 57);
    if (left < 0 || left * RECORD_BYTES_MIN > data.length) throw this.unreadable(`${left} records`);
    const baseOffset = int64(bytes, start);
    return {
      parser: new RecordParser(data, (detail) => this.unreadable(detail)),
      frame: {
        topic,
        partition,
        baseOffset,
        baseTimestampMs: int64(bytes, start + 27),
        appendTimeMs: (attributes & LOG_APPEND_TIME) !== 0 ? int64(bytes, start + 35) : -1,
      },
      left,
      endOffset: baseOffset + bytes.readInt32BE(start + 23) + 1,
    };
  }

  private readControl(batch: OpenBatch, producerId: number): void {
    if (batch.left === 0) return;
    const record = batch.parser.read(batch.frame);
    if (controlType(record.key) === CONTROL_ABORT) this.options.filter?.endAbort(producerId, record.offset);
  }

  private inflate(body: Buffer, codec: number): Buffer {
    if (codec !== GZIP) throw this.unreadable(`compression codec ${CODECS[codec] ?? codec} is not supported`);
    try {
      return gunzipSync(body, { maxOutputLength: INFLATED_BATCH_BYTES_MAX });
    } catch (error) {
      throw this.unreadable(`gzip: ${errorText(error)}`);
    }
  }

  private unreadable(detail: string): MillraceError {
    const { topic, partition } = this.options;
    return new MillraceError('BATCH_UNREADABLE', { topic, partition, offset: this.nextOffset, detail });
  }
}

/** Signed 64-bit as a number. Offsets, timestamps and producer ids are safe integers in practice. */
function int64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 4_294_967_296 + bytes.readUInt32BE(at + 4);
}
