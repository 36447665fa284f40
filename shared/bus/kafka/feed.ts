// Feed: the fetched but not yet taken records of one partition, and where its next fetch begins.
// Flow: fetcher.ts fills it; owned-partition.ts and reader.ts take from it.
// Invariants: holds at most about one fetch more than its cap; an answer to a fetch from before a seek is dropped;
//             records are decoded when they are taken, not before.

import type { InRecord } from '../../domain/record.ts';
import type { TakeOptions } from '../bus.ts';
import { abortedFilter } from './internals/aborted-filter.ts';
import { endOfRecordSet, RecordReader, type TakeBudget } from './internals/record-reader.ts';
import type { FetchedPartition, Isolation } from './requests/fetch.ts';

/** Enough for a commit of its own. */
export const CROWD_BYTES = 65_536;

interface QueuedSet {
  readonly reader: RecordReader;
  readonly bytes: number;
}

export class Feed {
  readonly topic: string;
  readonly partition: number;
  /** Next offset to fetch. */
  fetchOffset = 0;
  /** Not before this is it fetched, by the fetcher's clock. */
  dueMs = 0;
  /** Grows with every seek. */
  epoch = 0;
  /** Whether it wants to be fetched at all. */
  active = false;
  /** Whether an answer came since the last seek. */
  answered = false;
  /** Last stable offset, or high watermark when uncommitted, of the last answer; −1 before. */
  endOffset = -1;
  /** Bytes that are queued. */
  queuedBytes = 0;
  /** Told after an answer, a seek and a reset. */
  onChange: (() => void) | null = null;
  private readonly queue: QueuedSet[] = [];
  private takeOffset = 0;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  /** Position: behind everything that was taken or skipped. */
  get nextOffset(): number {
    return this.takeOffset;
  }

  /** Whether a commit of its own waits: many bytes, or as many records as are taken at once. Markers count, so it may be early. */
  isCrowded(maxRecords: number): boolean {
    return this.queuedBytes >= CROWD_BYTES || this.fetchOffset - this.takeOffset >= maxRecords;
  }

  /** Begins anew at `offset`. */
  seek(offset: number): void {
    this.place(offset);
    this.active = true;
  }

  /** Stands at `offset` and wants nothing yet. */
  place(offset: number): void {
    this.reset();
    this.fetchOffset = offset;
    this.takeOffset = offset;
  }

  /** Forgets what is queued and wants no more. */
  reset(): void {
    this.epoch++;
    this.active = false;
    this.answered = false;
    this.dueMs = 0;
    this.queue.length = 0;
    this.queuedBytes = 0;
    this.onChange?.();
  }

  /** Takes a fetch answer in. The caller has checked the epoch. */
  accept(fetched: FetchedPartition, isolation: Isolation): void {
    const committed = isolation === 'read_committed';
    this.endOffset = committed ? fetched.lastStableOffset : fetched.highWatermark;
    this.answered = true;
    const end = endOfRecordSet(fetched.records);
    if (end !== null && end > this.fetchOffset) {
      const { topic, partition, records: bytes } = fetched;
      const filter = committed ? abortedFilter(fetched.aborted) : null;
      const reader = new RecordReader({ topic, partition, bytes, fromOffset: this.fetchOffset, filter });
      this.queue.push({ reader, bytes: bytes.length });
      this.queuedBytes += bytes.length;
      this.fetchOffset = end;
    }
    this.onChange?.();
  }

  /**
   * Moves records into `into` until the budget is spent or nothing is queued.
   * @throws BATCH_UNREADABLE when nothing came before it: the good records in front of a bad batch are handed out first
   */
  drain(budget: TakeBudget, into: InRecord[]): void {
    for (let set = this.queue[0]; set !== undefined; set = this.queue[0]) {
      let read = false;
      try {
        read = set.reader.read(budget, into);
      } catch (error) {
        if (into.length === 0) throw error;
      }
      this.takeOffset = Math.max(this.takeOffset, set.reader.nextOffset);
      if (!read) return;
      this.queue.shift();
      this.queuedBytes -= set.bytes;
    }
  }
}

/** A budget for `take`. */
export function budgetOf(options: Pick<TakeOptions, 'maxRecords' | 'maxBytes'>): TakeBudget {
  return { records: Math.max(options.maxRecords, 1), bytes: options.maxBytes };
}
