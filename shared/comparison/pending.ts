// Pending: the outcomes that wait for a partner or a label, by source offset, packed.
// Flow: join → [put, get] → pairs; what is decided is removed.
// Invariant: no object per source: numbers lie in typed arrays and outcomes in chunks that live as long as the youngest of
//            what they hold. A million sources take less than 200 bytes each and what their outputs take.

import { assert } from '../domain/errors.ts';
import type { Field, Outcome } from './outcome.ts';

export type Side = 'live' | 'shadow';

/** An outcome, and where its record lies. */
export interface Placed {
  readonly outcome: Outcome;
  readonly offset: number;
  readonly timestampMs: number;
}

/** Doubles of the first chunk; each later one is twice as large as the last, up to a mebibyte. */
const CHUNK_DOUBLES_FIRST = 1_024;
const CHUNK_DOUBLES_MAX = 131_072;
/** Place of a chunk in a reference; a larger outcome has a chunk of its own. */
const CHUNK_SPAN = 2 ** 30;
/** version, scoringUs, rows, error, offset, timestampMs */
const HEAD_DOUBLES = 6;
const NONE = -1;
const SLOTS_FIRST = 1_024;

interface Chunk {
  readonly data: Float64Array;
  used: number;
  /** Outcomes in it. */
  live: number;
}

export class Pending {
  readonly #fields: readonly Field[];
  readonly #slots = new Map<number, number>();
  readonly #free: number[] = [];
  #refs: Record<Side, Float64Array> = { live: references(SLOTS_FIRST), shadow: references(SLOTS_FIRST) };
  #next = 0;
  readonly #chunks = new Map<number, Chunk>();
  #chunk: Chunk | null = null;
  #chunkId = 0;
  /** Error codes by number: there are as many as the catalogue has. */
  readonly #codes: string[] = [];

  constructor(fields: readonly Field[]) {
    this.#fields = fields;
  }

  /** Sources that something waits for. */
  get size(): number {
    return this.#slots.size;
  }

  has(source: number, side: Side): boolean {
    const slot = this.#slots.get(source);
    return slot !== undefined && this.#refs[side][slot] !== NONE;
  }

  /** The outcome of one side, unpacked; null when it is not there. */
  get(source: number, side: Side): Placed | null {
    const slot = this.#slots.get(source);
    const ref = slot === undefined ? NONE : (this.#refs[side][slot] ?? NONE);
    return ref === NONE ? null : this.#unpack(ref);
  }

  /** @throws ASSERTION when the side is there already */
  put(source: number, side: Side, placed: Placed): void {
    const slot = this.#slots.get(source) ?? this.#newSlot(source);
    assert(this.#refs[side][slot] === NONE, `source ${source} has a ${side} outcome`);
    this.#refs[side][slot] = this.#pack(placed);
  }

  remove(source: number): void {
    const slot = this.#slots.get(source);
    if (slot === undefined) return;
    this.#slots.delete(source);
    for (const side of ['live', 'shadow'] as const) {
      const ref = this.#refs[side][slot] ?? NONE;
      if (ref !== NONE) this.#release(ref);
      this.#refs[side][slot] = NONE;
    }
    this.#free.push(slot);
  }

  /** Sources below `bound` that are there, in no order. */
  below(bound: number): number[] {
    return [...this.#slots.keys()].filter((source) => source < bound);
  }

  #newSlot(source: number): number {
    const slot = this.#free.pop() ?? this.#next++;
    const { length } = this.#refs.live;
    if (slot >= length) {
      const grown = { live: references(2 * length), shadow: references(2 * length) };
      for (const side of ['live', 'shadow'] as const) grown[side].set(this.#refs[side]);
      this.#refs = grown;
    }
    this.#slots.set(source, slot);
    return slot;
  }

  #pack({ outcome, offset, timestampMs }: Placed): number {
    const { version, scoringUs, rows, error, values } = outcome;
    let doubles = HEAD_DOUBLES;
    for (const column of values) doubles += column.length;
    const chunk = this.#chunkFor(doubles);
    const { data, used } = chunk;
    data[used] = version;
    data[used + 1] = scoringUs ?? NONE;
    data[used + 2] = rows;
    data[used + 3] = error === null ? NONE : this.#codeOf(error);
    data[used + 4] = offset;
    data[used + 5] = timestampMs;
    let at = used + HEAD_DOUBLES;
    for (const column of values) {
      data.set(column, at);
      at += column.length;
    }
    chunk.used = at;
    chunk.live += 1;
    return this.#chunkId * CHUNK_SPAN + used;
  }

  #unpack(ref: number): Placed {
    const { chunk, at } = this.#place(ref);
    const number = (index: number) => chunk.data[at + index] ?? NONE;
    const rows = number(2);
    const code = number(3);
    const scoringUs = number(1);
    const values: Float64Array[] = [];
    if (code === NONE) {
      let from = at + HEAD_DOUBLES;
      for (const { size } of this.#fields) {
        values.push(chunk.data.subarray(from, from + rows * size));
        from += rows * size;
      }
    }
    return {
      outcome: {
        version: number(0),
        error: code === NONE ? null : (this.#codes[code] ?? ''),
        scoringUs: scoringUs === NONE ? null : scoringUs,
        rows,
        values,
      },
      offset: number(4),
      timestampMs: number(5),
    };
  }

  #chunkFor(doubles: number): Chunk {
    const current = this.#chunk;
    if (current !== null && current.used + doubles <= current.data.length) return current;
    this.#chunkId += 1;
    const length = current === null ? CHUNK_DOUBLES_FIRST : Math.min(2 * current.data.length, CHUNK_DOUBLES_MAX);
    const chunk = { data: new Float64Array(Math.max(length, doubles)), used: 0, live: 0 };
    this.#chunks.set(this.#chunkId, chunk);
    this.#chunk = chunk;
    return chunk;
  }

  #release(ref: number): void {
    const { chunk, id } = this.#place(ref);
    chunk.live -= 1;
    if (chunk.live > 0) return;
    if (chunk === this.#chunk) chunk.used = 0;
    else this.#chunks.delete(id);
  }

  #place(ref: number): { readonly chunk: Chunk; readonly id: number; readonly at: number } {
    const id = Math.floor(ref / CHUNK_SPAN);
    const chunk = this.#chunks.get(id);
    assert(chunk !== undefined, `chunk ${id} is there`);
    return { chunk, id, at: ref % CHUNK_SPAN };
  }

  #codeOf(error: string): number {
    const known = this.#codes.indexOf(error);
    return known === -1 ? this.#codes.push(error) - 1 : known;
  }
}

function references(slots: number): Float64Array {
  return new Float64Array(slots).fill(NONE);
}
