// Tail: one partition of one topic, read once for all runs that compare it, whose number may be large after an outage.
// Reads as: inputs say where they stand → the tail begins at the first of them → a window of batches, from which each takes its
//           own; who is in front of it waits until it comes, who fell behind it reads alone until it is back (input.ts).
// Invariant: bounded: the window holds a few batches, and moves on when someone needs what is behind it, unless who is at its
//            beginning is still taking.

import type { InRecord } from '../domain/record.ts';
import type { Topics } from '../domain/topics.ts';
import { Reader, type ReaderPlace } from './reader.ts';

/** Batches of the window; a reader gives up to a thousand records in each. */
const WINDOW_BATCHES = 4;

/** Topics that comparisons read. */
export type InputKind = 'predictions' | 'shadow' | 'keyed-labels';

/** The tails of one partition. */
export type Tails = Readonly<Record<InputKind, Tail>>;

/** Records of [from, nextOffset), without what lies between them. */
export interface Stretch {
  readonly from: number;
  readonly nextOffset: number;
  readonly endOffset: number;
  readonly records: readonly InRecord[];
}

/** Whoever takes from a tail. */
export interface Taker {
  /** Where it stands; null: it reads alone, or looks for its place. */
  readonly position: number | null;
  /** Whether it took anything since it was asked last. */
  hasMoved(): boolean;
}

export class Tail {
  readonly place: ReaderPlace;
  readonly #takers = new Set<Taker>();
  readonly #window: Stretch[] = [];
  #reader: Reader | null = null;
  /** End of what was read; null: nothing was. */
  #nextOffset: number | null = null;
  #from = 0;
  endOffset = 0;

  constructor(place: ReaderPlace) {
    this.place = place;
  }

  /** What reading threw. */
  get error(): unknown {
    return this.#reader?.error ?? null;
  }

  add(taker: Taker): void {
    this.#takers.add(taker);
  }

  remove(taker: Taker): void {
    this.#takers.delete(taker);
  }

  /** The stretch that holds `offset`; null when it is not there yet. */
  at(offset: number): Stretch | null {
    return this.#window.find(({ from, nextOffset }) => offset >= from && offset < nextOffset) ?? null;
  }

  /** Whether everything before `offset` was read, and nothing behind it. */
  endsAt(offset: number): boolean {
    return this.#nextOffset === offset;
  }

  /** Whether the window has left `offset` behind. */
  isPast(offset: number): boolean {
    return this.#reader !== null && offset < this.#from;
  }

  /** Reads on where someone needs it. To be called when everyone has taken. @returns whether there is more to take */
  turn(): boolean {
    const moved = [...this.#takers].filter((taker) => taker.hasMoved());
    const positions = [...this.#takers].flatMap(({ position }) => (position === null ? [] : [position]));
    if (positions.length === 0) return false;
    this.#reader ??= this.#begin(Math.min(...positions));
    const { batch } = this.#reader;
    const end = this.#nextOffset ?? this.#from;
    if (batch === null || !positions.some((position) => position >= end)) return false;
    const [first] = this.#window;
    if (first !== undefined && this.#window.length >= WINDOW_BATCHES) {
      const isUsed = moved.some(({ position }) => position !== null && position < first.nextOffset);
      if (isUsed) return false;
      this.#window.shift();
      this.#from = first.nextOffset;
    }
    if (batch.nextOffset > end) this.#window.push({ ...batch, from: end });
    this.#nextOffset = Math.max(end, batch.nextOffset);
    this.endOffset = batch.endOffset;
    this.#reader.consume();
    return true;
  }

  async stop(): Promise<void> {
    await this.#reader?.stop();
  }

  #begin(from: number): Reader {
    this.#from = from;
    return new Reader(this.place, from);
  }
}

export function tailsOf(topics: Topics, endpoint: string, place: Omit<ReaderPlace, 'topic'>): Tails {
  const tail = (kind: InputKind) => new Tail({ ...place, topic: topics.endpoint(endpoint, kind) });
  return { predictions: tail('predictions'), shadow: tail('shadow'), 'keyed-labels': tail('keyed-labels') };
}
