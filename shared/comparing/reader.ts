// Reader: one partition of one topic, read one batch ahead of whoever uses it.
// Invariant: bounded: the next batch is asked for only when the last one is used up.

import type { Bus, ReadBatch, ReadFrom } from '../bus/bus.ts';

export interface ReaderPlace {
  readonly bus: Bus;
  readonly topic: string;
  readonly partition: number;
  /** Time between two fetches while it keeps up, milliseconds. */
  readonly fetchIntervalMs: number;
  /** Called when there is something new to look at. */
  readonly onChange: () => void;
}

export class Reader {
  /** What reading threw. */
  error: unknown = null;
  #batch: ReadBatch | null = null;
  /** Lets the reading go on. */
  #goOn: () => void = () => {};
  readonly #ended = new AbortController();
  readonly #reading: Promise<void>;

  constructor(place: ReaderPlace, from: ReadFrom) {
    this.#reading = this.#read(place, from);
  }

  /** The batch that is next, or null while none is known. The first one comes even when it is empty. */
  get batch(): ReadBatch | null {
    return this.#batch;
  }

  /** The batch is used up. */
  consume(): void {
    this.#batch = null;
    this.#goOn();
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    this.#goOn();
    await this.#reading;
  }

  async #read({ bus, topic, partition, fetchIntervalMs, onChange }: ReaderPlace, from: ReadFrom): Promise<void> {
    const { signal } = this.#ended;
    const place = { topic, partitions: [partition], from, until: 'never', signal } as const;
    try {
      for await (const batch of bus.read({ ...place, fetchIntervalMs })) {
        const used = new Promise<void>((resolve) => {
          this.#goOn = resolve;
        });
        this.#batch = batch;
        onChange();
        if (!signal.aborted) await used;
        if (signal.aborted) return;
      }
    } catch (error) {
      this.error = error;
      onChange();
    }
  }
}
