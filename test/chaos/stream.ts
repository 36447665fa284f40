// Stream: digits as requests, at a steady rate, for as long as it is wanted; what some of them show is told on E.labels.
// Invariant: memory is bounded: encoded digits are kept (at most one per digit), requests are not; the stream waits when too
//            many are unanswered. A write that fails is tried again, so a request may be written twice: as two requests, each
//            with its own id, so that no label is of two.

import { type Digits, digitTensor } from '../../demo/data/digits.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import { encodeControl } from '../../shared/codec/control.ts';
import { codecNamed } from '../../shared/codec/registry.ts';
import type { Clock } from '../../shared/domain/clock.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import { HEADER, header } from '../../shared/domain/headers.ts';
import { partitionFor } from '../../shared/domain/partitioner.ts';
import type { OutRecord } from '../../shared/domain/record.ts';

/** Requests are written in bursts of this length. */
const TICK_MS = 25;
const BURST_MAX = 500;
/** Keys: a canary chooses by them. */
const WRITERS = 2_000;
/** Every so many requests one has an id of its own, and a label that names it. */
const LABELLED_EVERY = 20;
/** A write that fails for so long fails the run: no fault takes more than one broker of three. */
const FAILING_MAX_MS = 120_000;

const encoder = new TextEncoder();

export interface StreamOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  /** Requests and labels. */
  readonly topics: { readonly requests: string; readonly labels: string };
  readonly partitions: number;
  readonly digits: Digits;
  /** Requests per second, until `setRate`. */
  readonly rate: number;
  /** Null: until it is stopped. */
  readonly requests: number | null;
  /** Only Avro: four times as small as JSON. */
  readonly avroOnly: boolean;
  /** So many may be unanswered before the stream waits. */
  readonly unansweredMax: number;
  readonly answered: () => number;
  readonly signal: AbortSignal;
}

export class Stream {
  /** Acknowledged requests. */
  sent = 0;
  failedWrites = 0;
  readonly done: Promise<void>;
  readonly #options: StreamOptions;
  #rate: number;
  /** The rate holds from here on: since when, and from how many requests. */
  #from: { readonly atMs: number; readonly sent: number };
  #ids = 0;
  readonly #encoded = new Map<number, Pick<OutRecord, 'value' | 'headers'>>();

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#rate = options.rate;
    this.#from = { atMs: options.clock.nowMs(), sent: 0 };
    this.done = this.#run();
    // Whoever waits hears of it.
    this.done.catch(() => undefined);
  }

  /** Requests per second from now on. */
  setRate(rate: number): void {
    this.#rate = rate;
    this.#from = { atMs: this.#options.clock.nowMs(), sent: this.sent };
  }

  async #run(): Promise<void> {
    const { clock, requests, signal, unansweredMax, answered } = this.#options;
    while (!signal.aborted && (requests === null || this.sent < requests)) {
      const due = this.#from.sent + Math.ceil(((clock.nowMs() - this.#from.atMs) * this.#rate) / 1_000);
      const room = unansweredMax - (this.sent - answered());
      const burst = Math.min(due - this.sent, BURST_MAX, room, (requests ?? Number.POSITIVE_INFINITY) - this.sent);
      if (burst > 0) await this.#write(burst);
      // What could not be sent in time is not made up for in one wave.
      if (due - this.sent > BURST_MAX) this.setRate(this.#rate);
      await clock.sleep(TICK_MS, signal);
    }
  }

  async #write(requests: number): Promise<void> {
    const { bus, clock } = this.#options;
    const startMs = clock.nowMs();
    for (;;) {
      try {
        await bus.write(Array.from({ length: requests }, (_, i) => this.#records(this.sent + i)).flat());
        this.sent += requests;
        return;
      } catch (error) {
        this.failedWrites += 1;
        const again = error instanceof MillraceError && clock.nowMs() - startMs < FAILING_MAX_MS;
        if (!again) throw error;
      }
    }
  }

  /** A request, and its label where it has one. */
  #records(index: number): OutRecord[] {
    const { topics, partitions, digits } = this.#options;
    const key = encoder.encode(`writer-${index % WRITERS}`);
    const { value, headers } = this.#digit(index);
    const request = { topic: topics.requests, partition: partitionFor(key, partitions), key, value, headers };
    if (index % LABELLED_EVERY > 0) return [request];
    const id = `digit-${this.#ids++}`;
    const label = encodeControl('label', { values: [digits.labels[index % digits.count] ?? 0] });
    return [
      { ...request, headers: [...headers, header(HEADER.cloudEventId, id)] },
      // On any partition.
      { topic: topics.labels, partition: this.#ids % partitions, key: encoder.encode(id), value: label, headers: [] },
    ];
  }

  #digit(index: number): Pick<OutRecord, 'value' | 'headers'> {
    const { digits, avroOnly } = this.#options;
    const row = index % digits.count;
    const known = this.#encoded.get(row);
    if (known !== undefined) return known;
    const codec = codecNamed(avroOnly || index % 4 === 3 ? 'avro' : 'json');
    const value = codec.encodeRequest([digitTensor(digits, row)], {});
    const made = { value, headers: [header(HEADER.contentType, codec.contentType)] };
    this.#encoded.set(row, made);
    return made;
  }
}
