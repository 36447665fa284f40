// Cursor: one partition of one topic, record by record, with a look at the next one.

import type { Bus, ReadFrom } from '../bus/bus.ts';
import { MillraceError } from '../domain/errors.ts';
import type { InRecord } from '../domain/record.ts';

export class Cursor {
  readonly #batches: AsyncIterator<{ readonly records: readonly InRecord[] }>;
  readonly #signal: AbortSignal;
  #records: readonly InRecord[] = [];
  #at = 0;
  #ended = false;

  /** Reads to what is the end of the topic now. */
  constructor(
    bus: Bus,
    source: { readonly topic: string; readonly partition: number; readonly from: ReadFrom },
    signal: AbortSignal,
  ) {
    const { topic, partition, from } = source;
    this.#signal = signal;
    this.#batches = bus.read({ topic, partitions: [partition], from, until: 'end', signal })[Symbol.asyncIterator]();
  }

  /** The record that is next, or null at the end. @throws TIMED_OUT when interrupted */
  async peek(): Promise<InRecord | null> {
    while (this.#at >= this.#records.length && !this.#ended) {
      const { value, done } = await this.#batches.next();
      // An interrupted read has not read to the end.
      if (this.#signal.aborted) throw new MillraceError('TIMED_OUT', { detail: 'interrupted' });
      this.#ended = done === true;
      this.#records = done === true ? [] : value.records;
      this.#at = 0;
    }
    return this.#records[this.#at] ?? null;
  }

  skip(): void {
    this.#at += 1;
  }

  async close(): Promise<void> {
    await this.#batches.return?.();
  }
}
