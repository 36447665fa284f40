// Input: one partition of one topic, read ahead by a batch, so that a join can look at what is next without waiting.
// Invariant: bounded: the next batch is asked for only when the last one is used up.

import type { Bus, ReadFrom } from '../../shared/bus/bus.ts';
import type { InRecord } from '../../shared/domain/record.ts';
import { FETCH_INTERVAL_MS } from './pace.ts';

export class Input {
  /** Position after everything that was taken. */
  nextOffset = 0;
  #endOffset = 0;
  #batchEnd = 0;
  #records: readonly InRecord[] = [];
  #at = 0;
  #begun = false;
  #error: unknown = null;
  /** Lets the reader go on. */
  #goOn: () => void = () => {};
  readonly #ended = new AbortController();
  readonly #reading: Promise<void>;

  /** @param onChange called when there is something new to look at */
  constructor(
    bus: Bus,
    source: { readonly topic: string; readonly partition: number; readonly from: ReadFrom },
    onChange: () => void,
  ) {
    this.#reading = this.#read(bus, source, onChange);
  }

  /** The next record, or null while none is known. @throws what reading threw */
  get head(): InRecord | null {
    if (this.#error !== null) throw this.#error;
    return this.#records[this.#at] ?? null;
  }

  /** Everything that was there when the last batch came has been taken. */
  get atEnd(): boolean {
    return this.#begun && this.head === null && this.nextOffset >= this.#endOffset;
  }

  shift(): void {
    this.#at += 1;
    if (this.#at < this.#records.length) return;
    this.nextOffset = this.#batchEnd;
    this.#goOn();
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    this.#goOn();
    await this.#reading;
  }

  async #read(
    bus: Bus,
    { topic, partition, from }: { readonly topic: string; readonly partition: number; readonly from: ReadFrom },
    onChange: () => void,
  ): Promise<void> {
    const { signal } = this.#ended;
    const place = { topic, partitions: [partition], from, until: 'never', signal } as const;
    try {
      for await (const batch of bus.read({ ...place, fetchIntervalMs: FETCH_INTERVAL_MS })) {
        const used = new Promise<void>((resolve) => {
          this.#goOn = resolve;
        });
        this.#records = batch.records;
        this.#at = 0;
        this.#endOffset = batch.endOffset;
        this.#batchEnd = batch.nextOffset;
        this.#begun = true;
        if (batch.records.length === 0) this.nextOffset = batch.nextOffset;
        onChange();
        if (batch.records.length > 0 && !signal.aborted) await used;
        if (signal.aborted) return;
      }
    } catch (error) {
      this.#error = error;
      onChange();
    }
  }
}
