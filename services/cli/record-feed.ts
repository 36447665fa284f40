// RecordFeed: one partition of one topic, record by record and no faster than asked for.
// Invariant: bounded: a batch and what the bus reads ahead, whatever else the topic holds.

import type { Bus, ReadBatch, ReadFrom } from '../../shared/bus/bus.ts';
import type { InRecord } from '../../shared/domain/record.ts';

export interface RecordFeedPlace {
  readonly bus: Bus;
  readonly topic: string;
  readonly partition: number;
  readonly signal: AbortSignal;
}

export class RecordFeed {
  readonly #place: RecordFeedPlace;
  #from: ReadFrom;
  #reading: AsyncIterator<ReadBatch> | null = null;
  #records: readonly InRecord[] = [];
  #at = 0;

  constructor(place: RecordFeedPlace, from: ReadFrom) {
    this.#place = place;
    this.#from = from;
  }

  /** The next record; null when there is none: who asks again looks whether there are more by then. */
  async head(): Promise<InRecord | null> {
    for (;;) {
      const record = this.#records[this.#at];
      if (record !== undefined) return record;
      const { bus, topic, partition, signal } = this.#place;
      this.#reading ??= bus
        .read({ topic, partitions: [partition], from: this.#from, until: 'end', signal })
        [Symbol.asyncIterator]();
      const { value, done } = await this.#reading.next();
      if (done === true) {
        this.#reading = null;
        return null;
      }
      this.#records = value.records;
      this.#at = 0;
      this.#from = value.nextOffset;
    }
  }

  shift(): void {
    this.#at += 1;
  }

  async stop(): Promise<void> {
    await this.#reading?.return?.();
  }
}
