// Partition log: the records of one partition in order, with transaction markers, as a broker keeps them.
// Flow: `MemoryLog` appends; readers and owners fetch.
// Invariants: an offset is given once and never moves; a marker takes an offset, so data offsets have gaps;
//             read_committed shows nothing of open or aborted transactions and nothing past the last stable offset.

import type { InRecord, OutRecord } from '../../domain/record.ts';
import type { ReadFrom } from '../bus.ts';
import { payloadBytes } from './record-bytes.ts';
import type { Transaction } from './transactions.ts';

type Entry =
  | {
      readonly type: 'data';
      readonly record: InRecord;
      readonly bytes: number;
      readonly transaction: Transaction | null;
    }
  | { readonly type: 'marker' };

const MARKER: Entry = { type: 'marker' };

export type Isolation = 'read_committed' | 'read_uncommitted';

export interface FetchLimits {
  readonly isolation: Isolation;
  readonly maxRecords: number;
  /** Sum of payload bytes; a single larger record still comes alone. */
  readonly maxBytes: number;
  /** No entry at or past this offset. */
  readonly before?: number;
}

export interface Fetched {
  readonly records: readonly InRecord[];
  /** Past every entry that was delivered or skipped. */
  readonly nextOffset: number;
}

export class PartitionLog {
  readonly topic: string;
  readonly partition: number;
  /** First offset that retention has left. */
  earliest = 0;
  private readonly entries: Entry[] = [];
  /** Open transaction → its first offset here. */
  private readonly open = new Map<Transaction, number>();

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  /** High watermark: the offset that the next entry gets. */
  get end(): number {
    return this.entries.length;
  }

  /** Last stable offset: everything before it is decided. */
  get stable(): number {
    return Math.min(this.end, ...this.open.values());
  }

  endOf(isolation: Isolation): number {
    return isolation === 'read_committed' ? this.stable : this.end;
  }

  append(record: OutRecord, timestampMs: number, transaction: Transaction | null): void {
    const offset = this.end;
    const stored: InRecord = {
      topic: this.topic,
      partition: this.partition,
      offset,
      timestampMs,
      key: record.key === null ? null : Buffer.from(record.key),
      value: record.value === null ? null : Buffer.from(record.value),
      headers: record.headers.map(([name, value]) => [name, Buffer.from(value)]),
    };
    if (transaction !== null && !this.open.has(transaction)) this.open.set(transaction, offset);
    this.entries.push({ type: 'data', record: stored, bytes: payloadBytes(record), transaction });
  }

  /** Writes the marker of a transaction that has just been committed or aborted. */
  close(transaction: Transaction): void {
    this.open.delete(transaction);
    this.entries.push(MARKER);
  }

  /** Visible records from `from` on; `from` before the earliest offset begins at the earliest. */
  fetch(from: number, limits: FetchLimits): Fetched {
    const upper = Math.min(this.endOf(limits.isolation), limits.before ?? this.end);
    const records: InRecord[] = [];
    let bytes = 0;
    let offset = Math.max(from, this.earliest);
    for (; offset < upper; offset++) {
      const entry = this.entries[offset];
      if (entry === undefined || entry.type === 'marker' || !visible(entry.transaction, limits.isolation)) continue;
      const full = records.length >= limits.maxRecords || bytes + entry.bytes > limits.maxBytes;
      if (full && (records.length > 0 || limits.maxRecords === 0)) break;
      records.push(entry.record);
      bytes += entry.bytes;
    }
    return { records, nextOffset: offset };
  }

  /** Where reading `from` begins: an offset that is there, or the end. */
  startOf(from: ReadFrom): number {
    if (from === 'earliest') return this.earliest;
    if (from === 'latest') return this.end;
    const wanted = typeof from === 'number' ? from : this.offsetAt(from.timestampMs);
    return Math.min(Math.max(wanted, this.earliest), this.end);
  }

  /** Offset of the first data record at or after a time; the end when there is none. */
  private offsetAt(timestampMs: number): number {
    const found = this.entries.findIndex(
      (entry, offset) => offset >= this.earliest && entry.type === 'data' && entry.record.timestampMs >= timestampMs,
    );
    return found === -1 ? this.end : found;
  }
}

function visible(transaction: Transaction | null, isolation: Isolation): boolean {
  return isolation === 'read_uncommitted' || transaction === null || transaction.state === 'committed';
}
