// Input: where one run stands in one partition of one topic; a join can look at what is next without waiting.
// Reads as: batches come from the tail that all runs share; while this one is not where the tail is, it has a reader of its own.

import type { ReadBatch, ReadFrom } from '../bus/bus.ts';
import type { InRecord } from '../domain/record.ts';
import { Reader } from './reader.ts';
import type { Tail, Taker } from './tail.ts';

export class Input implements Taker {
  /** Position after everything that was taken, when nothing is at the head. */
  nextOffset = 0;
  #endOffset = 0;
  #records: readonly InRecord[] = [];
  #at = 0;
  #begun = false;
  #limit = { offset: Number.POSITIVE_INFINITY, isEnd: false };
  #hasMoved = false;
  /** Whether the records are of the own reader's batch. */
  #holdsOwn = false;
  #own: Reader | null = null;
  #stopping: Promise<void> = Promise.resolve();
  readonly #tail: Tail;

  constructor(tail: Tail, from: ReadFrom) {
    this.#tail = tail;
    if (typeof from === 'number') this.nextOffset = from;
    else if (from !== 'earliest') this.#own = new Reader(tail.place, from);
    tail.add(this);
  }

  /** The next record, or null while none is known. @throws what reading threw */
  get head(): InRecord | null {
    const error = (this.#own ?? this.#tail).error;
    if (error !== null) throw error;
    while (this.#at >= this.#records.length && this.nextOffset < this.#limit.offset && this.#next());
    const record = this.#records[this.#at] ?? null;
    return record !== null && record.offset < this.#limit.offset ? record : null;
  }

  /** Everything that was there when the last batch came has been taken. A limit that is not the end has something behind it. */
  get atEnd(): boolean {
    if (this.head !== null) return false;
    if (this.passed >= this.#limit.offset) return this.#limit.isEnd;
    return this.#begun && this.nextOffset >= this.#endOffset;
  }

  /** Everything before it was taken, when nothing is at the head. */
  get passed(): number {
    return Math.min(this.#records[this.#at]?.offset ?? this.nextOffset, this.#limit.offset);
  }

  /** Nothing from `offset` on is given. @param isEnd whether it counts as the end of the topic */
  stopAt(offset: number, isEnd: boolean): void {
    this.#limit = { offset, isEnd };
  }

  get position(): number | null {
    const head = this.head;
    return this.#own === null ? (head?.offset ?? this.nextOffset) : null;
  }

  hasMoved(): boolean {
    const hasMoved = this.#hasMoved;
    this.#hasMoved = false;
    return hasMoved;
  }

  shift(): void {
    this.#at += 1;
    this.#hasMoved = true;
  }

  async stop(): Promise<void> {
    this.#tail.remove(this);
    await Promise.all([this.#own?.stop(), this.#stopping]);
  }

  /** Goes on to the next batch; false while there is none. */
  #next(): boolean {
    if (this.#own !== null) return this.#nextOwn(this.#own);
    const found = this.#tail.at(this.nextOffset);
    if (found !== null) return this.#hold(found);
    if (this.#tail.endsAt(this.nextOffset)) {
      this.#begun = true;
      this.#endOffset = Math.max(this.#endOffset, this.#tail.endOffset);
    } else if (this.#tail.isPast(this.nextOffset)) this.#own = new Reader(this.#tail.place, this.nextOffset);
    return false;
  }

  #nextOwn(own: Reader): boolean {
    if (this.#holdsOwn) own.consume();
    this.#holdsOwn = false;
    if (this.#begun && (this.#tail.at(this.nextOffset) !== null || this.#tail.endsAt(this.nextOffset))) {
      this.#own = null;
      this.#stopping = Promise.all([this.#stopping, own.stop()]).then(() => {});
      return this.#next();
    }
    const { batch } = own;
    if (batch === null) return false;
    this.#holdsOwn = true;
    return this.#hold(batch);
  }

  #hold({ records, nextOffset, endOffset }: Pick<ReadBatch, 'records' | 'nextOffset' | 'endOffset'>): true {
    const first = records.findIndex(({ offset }) => offset >= this.nextOffset);
    this.#records = records;
    this.#at = first < 0 ? records.length : first;
    this.nextOffset = nextOffset;
    this.#endOffset = endOffset;
    this.#begun = true;
    return true;
  }
}
