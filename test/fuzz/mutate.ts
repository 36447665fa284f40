// Mutate: a sound input to a damaged one, in place, all chance from one seeded sequence.
// Method: a few small changes on top of each other: bits, bytes, integers and varints at their edges, lengths inflated,
//         pieces cut out, doubled, moved, taken from another input or from the format's own words.

import { between, pick, type Random } from '../sim/random.ts';
import { INPUT_BYTES_MAX } from './target.ts';

/** An input under change: the first `length` bytes of `bytes`. */
export interface Draft {
  readonly bytes: Buffer;
  length: number;
}

type Change = (draft: Draft, of: Source) => void;

export interface Source {
  readonly random: Random;
  readonly tokens: readonly Uint8Array[];
  /** Another input, to take pieces from. */
  readonly other: () => Uint8Array;
}

/** Ordinary inputs stay below it: a million of them have to be quick. Bombs are larger. */
const GROWN_BYTES_MAX = 16_384;
const CHANGES_MAX = 6;
const PIECE_BYTES_MAX = 64;
const TELLING_BYTES = [0, 1, 2, 0x7f, 0x80, 0x81, 0xfe, 0xff, 0x20, 0x22, 0x2c, 0x3a, 0x5b, 0x5d, 0x7b, 0x7d];
const TELLING_NUMBERS = [
  ...[0, 1, 2, 7, 8, 63, 64, 127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536, 2 ** 20, 2 ** 24 - 1, 2 ** 24],
  ...[2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 2 ** 62, 2 ** 63 - 2 ** 12],
];
const TELLING_DIGITS = ['0', '-0', '-1', '1e999', '-1e-999', '9007199254740993', '1'.repeat(40), '0.1', 'null', '""'];

export function newDraft(): Draft {
  return { bytes: Buffer.alloc(INPUT_BYTES_MAX), length: 0 };
}

export function fill(draft: Draft, bytes: Uint8Array): void {
  draft.length = Math.min(bytes.length, INPUT_BYTES_MAX);
  draft.bytes.set(bytes.subarray(0, draft.length));
}

/** Nothing but chance. */
export function randomBytes(draft: Draft, random: Random): void {
  draft.length = between(random, 0, 256);
  for (let at = 0; at < draft.length; at++) draft.bytes[at] = random() * 256;
}

export function mutate(draft: Draft, of: Source): void {
  let changes = 1;
  while (changes < CHANGES_MAX && of.random() < 0.5) changes += 1;
  for (let change = 0; change < changes; change++) pick(of.random, CHANGES)(draft, of);
}

const place = (draft: Draft, { random }: Source) => Math.floor(random() * (draft.length + 1));

const flipBit: Change = (draft, of) => {
  const at = Math.min(place(draft, of), draft.length - 1);
  if (at >= 0) draft.bytes[at] = (draft.bytes[at] ?? 0) ^ (1 << between(of.random, 0, 7));
};

const setByte: Change = (draft, of) => {
  const at = Math.min(place(draft, of), draft.length - 1);
  if (at >= 0) draft.bytes[at] = of.random() < 0.5 ? pick(of.random, TELLING_BYTES) : of.random() * 256;
};

const shiftByte: Change = (draft, of) => {
  const at = Math.min(place(draft, of), draft.length - 1);
  if (at >= 0) draft.bytes[at] = (draft.bytes[at] ?? 0) + between(of.random, -16, 16);
};

/** A fixed-width integer, in either byte order: a telling one, or near what is left of the input. */
const setInteger: Change = (draft, of) => {
  const width = pick(of.random, [2, 4, 8]);
  const at = place(draft, of);
  if (at + width > draft.length) return;
  const near = draft.length - at - width + between(of.random, -2, 2);
  const size = of.random() < 0.3 ? near : pick(of.random, TELLING_NUMBERS);
  let rest = BigInt(of.random() < 0.3 ? -size : size);
  const little = of.random() < 0.5;
  for (let byte = 0; byte < width; byte++, rest >>= 8n) {
    draft.bytes[little ? at + byte : at + width - 1 - byte] = Number(rest & 0xffn);
  }
};

/** A zigzag or plain varint over what is there, or between. */
const setVarint: Change = (draft, of) => {
  let rest = BigInt(pick(of.random, TELLING_NUMBERS));
  if (of.random() < 0.7) rest = rest * 2n - (of.random() < 0.3 ? 1n : 0n);
  if (rest < 0n) rest = 0n;
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  // Longer than its number needs: the same value, or one byte too many.
  if (of.random() < 0.2)
    bytes.splice(bytes.length - 1, 1, (bytes.at(-1) ?? 0) | 128, ...(of.random() < 0.5 ? [128, 0] : [0]));
  put(draft, place(draft, of), Uint8Array.from(bytes), of.random() < 0.5);
};

const setDigits: Change = (draft, of) => {
  put(draft, place(draft, of), Buffer.from(pick(of.random, TELLING_DIGITS)), of.random() < 0.3);
};

const putToken: Change = (draft, of) => {
  if (of.tokens.length > 0) put(draft, place(draft, of), pick(of.random, of.tokens), of.random() < 0.3);
};

const putForeign: Change = (draft, of) => {
  const other = of.other();
  const from = Math.floor(of.random() * other.length);
  const piece = other.subarray(from, from + between(of.random, 1, PIECE_BYTES_MAX));
  put(draft, place(draft, of), piece, of.random() < 0.5);
};

/** The head of this, the tail of another. */
const splice: Change = (draft, of) => {
  const other = of.other();
  const at = place(draft, of);
  const tail = other.subarray(Math.floor(of.random() * other.length), GROWN_BYTES_MAX);
  draft.length = Math.min(at + tail.length, Math.max(draft.length, GROWN_BYTES_MAX));
  draft.bytes.set(tail.subarray(0, draft.length - at), at);
};

const cutEnd: Change = (draft, of) => {
  draft.length = place(draft, of);
};

const remove: Change = (draft, of) => {
  const at = place(draft, of);
  const count = Math.min(between(of.random, 1, PIECE_BYTES_MAX), draft.length - at);
  draft.bytes.copyWithin(at, at + count, draft.length);
  draft.length -= count;
};

/** A piece once more behind itself, or many times. */
const repeat: Change = (draft, of) => {
  const at = place(draft, of);
  const piece = Buffer.from(
    draft.bytes.subarray(at, Math.min(at + between(of.random, 1, PIECE_BYTES_MAX), draft.length)),
  );
  const times = of.random() < 0.05 ? between(of.random, 2, 400) : 1;
  if (piece.length === 0 || draft.length + piece.length * times > GROWN_BYTES_MAX) return;
  draft.bytes.copyWithin(at + piece.length * times, at, draft.length);
  draft.bytes.fill(piece, at, at + piece.length * times);
  draft.length += piece.length * times;
};

const move: Change = (draft, of) => {
  const piece = Buffer.from(draft.bytes.subarray(place(draft, of), draft.length).subarray(0, PIECE_BYTES_MAX));
  put(draft, place(draft, of), piece, of.random() < 0.5);
};

const CHANGES: readonly Change[] = [
  ...[flipBit, flipBit, setByte, setByte, shiftByte, setInteger, setInteger, setVarint, setDigits, putToken, putToken],
  ...[putForeign, splice, cutEnd, remove, repeat, move],
];

function put(draft: Draft, at: number, piece: Uint8Array, insert: boolean): void {
  const { bytes } = draft;
  if (insert) {
    if (draft.length + piece.length > GROWN_BYTES_MAX) return;
    bytes.copyWithin(at + piece.length, at, draft.length);
    draft.length += piece.length;
  } else if (at + piece.length > draft.length) {
    if (at + piece.length > GROWN_BYTES_MAX) return;
    draft.length = at + piece.length;
  }
  bytes.set(piece, at);
}
