// Record: what a topic carries, as every ring sees it.
// Flow: the bus hands in `InRecord`s and takes `OutRecord`s; cores map one to the other.
// Invariant: headers are an ordered list, so that foreign and repeated headers pass through untouched.

/** Raw bytes. Adapters hand in Node `Buffer`s, which are `Uint8Array`s. */
export type Bytes = Uint8Array;

/** One record header: name and raw value, in the order of the wire. */
export type Header = readonly [name: string, value: Bytes];

/**
 * More headers than a request may have. A megabyte holds half a million, and making so many objects takes long: of a
 * record with more, an adapter hands in the last `HEADERS_MAX + 1`, ours among them, and the router refuses it.
 */
export const HEADERS_MAX = 1_024;

/** A record as read from a topic. `offset` is Kafka's int64, a safe integer here (checked by the adapter). */
export interface InRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Broker or producer timestamp, milliseconds since the epoch. */
  readonly timestampMs: number;
  readonly key: Bytes | null;
  readonly value: Bytes | null;
  readonly headers: readonly Header[];
}

/** A record to be written to a given partition. */
export interface OutRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: Bytes | null;
  readonly value: Bytes | null;
  readonly headers: readonly Header[];
}

/** Identity of a request in every join, checker and guarantee: its place in `E.requests`. */
export interface Source {
  readonly partition: number;
  readonly offset: number;
}

/** `partition@offset`, the printed form of a source. */
export function formatSource(source: Source): string {
  return `${source.partition}@${source.offset}`;
}

/** Reads `partition@offset`; null when the text is anything else. */
export function parseSource(text: string): Source | null {
  const match = /^(\d{1,10})@(\d{1,16})$/.exec(text);
  if (match === null) return null;
  const source = { partition: Number(match[1]), offset: Number(match[2]) };
  return Number.isSafeInteger(source.offset) ? source : null;
}
