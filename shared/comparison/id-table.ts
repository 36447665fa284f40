// IdTable: which source a request id belongs to, for as many requests as a label may still come for.
// Why no Map: of strings with 36 characters it takes 98 bytes each, and this 54 (docs/benchmarks.md).
// Layout: chunks in the order in which ids came. A chunk has the bytes of its ids one after another, and finds them by a hash table
//         with open addressing that is at most half full. A chunk goes as a whole, when all of its sources may be forgotten.

import { murmur3 } from '../domain/bucket.ts';
import { REQUEST_ID_BYTES_MAX } from '../domain/route.ts';

const CHUNK_IDS = 2_048;
const PLACES = 2 * CHUNK_IDS;
const BYTES_FIRST = 16_384;
const GROWTH = 1.5;
const SEED = 0;

interface Chunk {
  bytes: Uint8Array;
  /** Where each id ends in `bytes`. */
  readonly ends: Int32Array;
  readonly sources: Float64Array;
  /** By hash: the number of an id from 1 on; 0 where there is none. */
  readonly places: Int16Array;
  count: number;
  lastSource: number;
}

const encoder = new TextEncoder();
/** One byte more than an id has, so that one that is too long shows. */
const wanted = new Uint8Array(REQUEST_ID_BYTES_MAX + 1);

export class IdTable {
  #chunks: Chunk[] = [];
  #bound = 0;

  /** From now on `id` belongs to `source`. An id of more than REQUEST_ID_BYTES_MAX bytes is no request's, and not kept. */
  set(id: string, source: number): void {
    const length = encode(id);
    if (length === null) return;
    const chunk = this.#chunkWithRoom();
    const place = placeOf(chunk, length);
    if (chunk.places[place] === 0) append(chunk, place, length);
    chunk.sources[(chunk.places[place] ?? 0) - 1] = source;
    chunk.lastSource = Math.max(chunk.lastSource, source);
  }

  /** The source that the id belongs to, of several the one that was set last; null when there is none, or it was forgotten. */
  get(id: string): number | null {
    const length = encode(id);
    if (length === null) return null;
    for (let at = this.#chunks.length - 1; at >= 0; at--) {
      const chunk = this.#chunks[at];
      const known = chunk?.places[placeOf(chunk, length)] ?? 0;
      const source = known === 0 ? undefined : chunk?.sources[known - 1];
      if (source !== undefined) return source < this.#bound ? null : source;
    }
    return null;
  }

  /** Forgets the ids of sources below `bound`. */
  forget(bound: number): void {
    this.#bound = Math.max(this.#bound, bound);
    this.#chunks = this.#chunks.filter(({ lastSource }) => lastSource >= this.#bound);
  }

  #chunkWithRoom(): Chunk {
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.count < CHUNK_IDS) return last;
    if (last !== undefined) last.bytes = last.bytes.slice(0, last.ends[CHUNK_IDS - 1]);
    const chunk: Chunk = {
      bytes: new Uint8Array(BYTES_FIRST),
      ends: new Int32Array(CHUNK_IDS),
      sources: new Float64Array(CHUNK_IDS),
      places: new Int16Array(PLACES),
      count: 0,
      lastSource: -1,
    };
    this.#chunks.push(chunk);
    return chunk;
  }
}

/** Writes the bytes of `id` into `wanted`. @returns how many, null when there are too many */
function encode(id: string): number | null {
  const { read, written } = encoder.encodeInto(id, wanted);
  return read < id.length || written > REQUEST_ID_BYTES_MAX ? null : written;
}

/** Where the id in `wanted` is among the places of a chunk, or would be. */
function placeOf({ bytes, ends, places }: Chunk, length: number): number {
  for (let place = murmur3(wanted, SEED, length) % PLACES; ; place = (place + 1) % PLACES) {
    const known = places[place] ?? 0;
    if (known === 0) return place;
    const start = known === 1 ? 0 : (ends[known - 2] ?? 0);
    if ((ends[known - 1] ?? 0) - start === length && isWanted(bytes, start, length)) return place;
  }
}

function isWanted(bytes: Uint8Array, start: number, length: number): boolean {
  for (let at = 0; at < length; at++) if (bytes[start + at] !== wanted[at]) return false;
  return true;
}

function append(chunk: Chunk, place: number, length: number): void {
  const start = chunk.count === 0 ? 0 : (chunk.ends[chunk.count - 1] ?? 0);
  if (start + length > chunk.bytes.length) {
    const grown = new Uint8Array(Math.ceil(GROWTH * (start + length)));
    grown.set(chunk.bytes);
    chunk.bytes = grown;
  }
  chunk.bytes.set(wanted.subarray(0, length), start);
  chunk.ends[chunk.count] = start + length;
  chunk.count += 1;
  chunk.places[place] = chunk.count;
}
