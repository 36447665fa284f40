// Pending: the outcomes that wait for a partner or a label, by source offset, packed.
// Flow: join → [put, get] → pairs → [settle, answered] → labels; what no label can come for is removed.
// Terms: settled = of an outcome that has its partner, or never will, only what a label is held against is kept: of a row of
//        a thousand classes one number.
// Invariant: no object per source: numbers lie in typed arrays and outcomes in chunks that live as long as the youngest of
//            what they hold. A million sources take less than 200 bytes each and what their outputs take.

import { assert } from '../domain/errors.ts';
import { type Answered, answerOf, type Field, type Outcome } from './outcome.ts';

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
/** Place of a chunk in a reference; a larger outcome has a chunk of its own. Numbers of chunks stay below 2^23: they are used again. */
const CHUNK_SPAN = 2 ** 30;
/** version, scoringUs, rows, error, offset, timestampMs */
const HEAD_DOUBLES = 6;
const NONE = -1;
/** version, timestampMs, rows of a settled outcome. */
const SETTLED_HEAD_DOUBLES = 3;
const SLOTS_FIRST = 1_024;
/** Doubles of a column that are copied one by one: asking the engine to do it costs more than they do. */
const COPIED_MAX = 64;

interface Chunk {
  readonly id: number;
  readonly data: Float64Array;
  used: number;
  /** Outcomes in it. */
  live: number;
}

interface Chunks {
  whole: Chunk | null;
  settled: Chunk | null;
}

export class Pending {
  readonly #fields: readonly Field[];
  readonly #slots = new Map<number, number>();
  readonly #free: number[] = [];
  /** By slot: NONE, the place of a whole outcome, or `settledRef` of that of a settled one. */
  #refs: Record<Side, Float64Array> = { live: references(SLOTS_FIRST), shadow: references(SLOTS_FIRST) };
  #next = 0;
  readonly #chunks = new Map<number, Chunk>();
  /** The chunks that are being filled: settled outcomes live longer than whole ones. */
  readonly #filling: Chunks = { whole: null, settled: null };
  #chunkId = 0;
  readonly #freeIds: number[] = [];
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

  /** The side that is there without the other; null when both are or none is. */
  onlySide(source: number): Side | null {
    const slot = this.#slots.get(source);
    if (slot === undefined) return null;
    const live = this.#refs.live[slot] !== NONE;
    const shadow = this.#refs.shadow[slot] !== NONE;
    return live === shadow ? null : live ? 'live' : 'shadow';
  }

  /** The outcome of one side, unpacked; null when it is not there or is settled. */
  get(source: number, side: Side): Placed | null {
    const ref = this.#ref(source, side);
    return ref < 0 ? null : this.#unpack(ref);
  }

  /** What is left of one side; null when it is not there or is not settled. */
  answered(source: number, side: Side): Answered | null {
    const ref = this.#ref(source, side);
    return ref >= NONE ? null : this.#unpackSettled(settledRef(ref));
  }

  /** @throws ASSERTION when the side is there already */
  put(source: number, side: Side, placed: Placed): void {
    const slot = this.#slots.get(source) ?? this.#newSlot(source);
    assert(this.#refs[side][slot] === NONE, `source ${source} has a ${side} outcome`);
    this.#refs[side][slot] = this.#pack(placed);
  }

  /** Keeps of one side, which may be there already, only what a label is held against. */
  settle(source: number, side: Side, placed: Placed): void {
    const slot = this.#slots.get(source) ?? this.#newSlot(source);
    const ref = this.#refs[side][slot] ?? NONE;
    this.#refs[side][slot] = settledRef(this.#packSettled(placed));
    if (ref !== NONE) this.#release(ref);
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

  #ref(source: number, side: Side): number {
    const slot = this.#slots.get(source);
    return slot === undefined ? NONE : (this.#refs[side][slot] ?? NONE);
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
    const chunk = this.#chunkFor('whole', doubles);
    const { data, used } = chunk;
    data[used] = version;
    data[used + 1] = scoringUs ?? NONE;
    data[used + 2] = rows;
    data[used + 3] = error === null ? NONE : this.#codeOf(error);
    data[used + 4] = offset;
    data[used + 5] = timestampMs;
    let at = used + HEAD_DOUBLES;
    for (const column of values) {
      if (column.length > COPIED_MAX) data.set(column, at);
      else for (let place = 0; place < column.length; place++) data[at + place] = column[place] ?? 0;
      at += column.length;
    }
    chunk.used = at;
    chunk.live += 1;
    return chunk.id * CHUNK_SPAN + used;
  }

  #packSettled({ outcome, timestampMs }: Placed): number {
    const [field, column] = [this.#fields[0], outcome.values[0]];
    const isEmpty = field === undefined || column === undefined || field.size === 0;
    const rows = isEmpty ? 0 : Math.floor(column.length / field.size);
    const chunk = this.#chunkFor('settled', SETTLED_HEAD_DOUBLES + rows);
    const { data, used } = chunk;
    data[used] = outcome.version;
    data[used + 1] = timestampMs;
    data[used + 2] = rows;
    chunk.used = used + SETTLED_HEAD_DOUBLES + rows;
    chunk.live += 1;
    if (!isEmpty) {
      for (let row = 0; row < rows; row++) data[used + SETTLED_HEAD_DOUBLES + row] = answerOf(column, field, row);
    }
    return chunk.id * CHUNK_SPAN + used;
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

  #unpackSettled(ref: number): Answered {
    const { chunk, at } = this.#place(ref);
    const number = (index: number) => chunk.data[at + index] ?? NONE;
    const from = at + SETTLED_HEAD_DOUBLES;
    return { version: number(0), timestampMs: number(1), answers: chunk.data.subarray(from, from + number(2)) };
  }

  #chunkFor(use: keyof Chunks, doubles: number): Chunk {
    const current = this.#filling[use];
    if (current !== null && current.used + doubles <= current.data.length) return current;
    // A chunk of which nothing is kept any more would never be let go.
    if (current?.live === 0) this.#forget(current);
    const id = this.#freeIds.pop() ?? ++this.#chunkId;
    const length = current === null ? CHUNK_DOUBLES_FIRST : Math.min(2 * current.data.length, CHUNK_DOUBLES_MAX);
    const chunk = { id, data: new Float64Array(Math.max(length, doubles)), used: 0, live: 0 };
    this.#chunks.set(chunk.id, chunk);
    this.#filling[use] = chunk;
    return chunk;
  }

  #release(ref: number): void {
    const { chunk } = this.#place(ref < NONE ? settledRef(ref) : ref);
    chunk.live -= 1;
    if (chunk.live > 0) return;
    if (chunk === this.#filling.whole || chunk === this.#filling.settled) chunk.used = 0;
    else this.#forget(chunk);
  }

  #forget({ id }: Chunk): void {
    this.#chunks.delete(id);
    this.#freeIds.push(id);
  }

  #place(ref: number): { readonly chunk: Chunk; readonly at: number } {
    const id = Math.floor(ref / CHUNK_SPAN);
    const chunk = this.#chunks.get(id);
    assert(chunk !== undefined, `chunk ${id} is there`);
    return { chunk, at: ref % CHUNK_SPAN };
  }

  #codeOf(error: string): number {
    const known = this.#codes.indexOf(error);
    return known === -1 ? this.#codes.push(error) - 1 : known;
  }
}

/** Its own inverse: places ≥ 0 and what stands for settled ones, ≤ −2. */
function settledRef(ref: number): number {
  return -2 - ref;
}

function references(slots: number): Float64Array {
  return new Float64Array(slots).fill(NONE);
}
