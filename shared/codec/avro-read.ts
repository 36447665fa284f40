// AvroRead: reads Avro binary with every length and count checked against the bytes that are left.
// Why not avsc's own reader: it believes counts (five bytes become an array of 30 million) and throws whatever comes.
// Flow: avro.ts, answers.ts, control.ts → [compileReader once per schema, then read].
// Invariants: an array item takes at least one byte, so nothing grows beyond the input; the whole input is used;
//       every failure is the caller's MillraceError. Agrees with avsc on all valid input (property test).

import { isUtf8 } from 'node:buffer';
import type { Type, types } from 'avsc';
import { assert, type MillraceError } from '../domain/errors.ts';
import type { Bytes } from '../domain/record.ts';
import { utf8Text } from './text.ts';

/** Bytes of the longest varint of a 64-bit number. */
const VARINT_BYTES_MAX = 10;
/** Blocks in the whole value. Encoders write an array in one, or in blocks of kilobytes; each costs as much as many items. */
const BLOCKS_MAX = 8_192;

/** Makes the error of the caller's context from words. */
export type Unreadable = (detail: string) => MillraceError;

export interface ReadLimits {
  /** Array items in the whole value, arrays of doubles not counted. */
  readonly itemsMax: number;
}

/** Reads a whole value. Arrays of doubles come as Float64Array, bytes as views; longs are safe integers. */
export type AvroReader = (bytes: Bytes, limits: ReadLimits, unreadable: Unreadable) => unknown;

interface Cursor {
  readonly bytes: Bytes;
  readonly unreadable: Unreadable;
  position: number;
  itemsLeft: number;
  blocksLeft: number;
}

type Read = (cursor: Cursor) => unknown;

/**
 * Reader of one schema. A null in a field whose default is null reads as an absent field, as it would be in JSON.
 * @throws ASSERTION at start for an Avro type that our schemas do not use (map, fixed, recursion)
 */
export function compileReader(type: Type): AvroReader {
  const read = compile(type);
  return (bytes, limits, unreadable) => {
    const left = { itemsLeft: limits.itemsMax, blocksLeft: BLOCKS_MAX };
    const cursor: Cursor = { bytes, unreadable, position: 0, ...left };
    const value = read(cursor);
    if (cursor.position !== bytes.length) throw unreadable(`${bytes.length - cursor.position} bytes are left over`);
    return value;
  };
}

function compile(type: Type): Read {
  switch (type.typeName) {
    case 'null':
      return () => null;
    case 'boolean':
      return readBoolean;
    case 'int':
      return readInt;
    case 'long':
      return readLong;
    case 'double':
      return readDouble;
    case 'string':
      return stringReader();
    case 'bytes':
      return readBytes;
    case 'enum':
      return enumReader((type as types.EnumType).symbols);
    case 'record':
      return recordReader((type as types.RecordType).fields);
    case 'array':
      return arrayReader((type as types.ArrayType).itemsType);
    case 'union:unwrapped':
      return unionReader([...(type as types.UnwrappedUnionType).types]);
    default:
      assert(false, `schemas use no Avro type ${type.typeName}`);
  }
}

function recordReader(fields: readonly types.Field[]): Read {
  assert(fields.length > 0, 'an Avro record has a field, so that an array of it takes bytes');
  const readers = fields.map((field) => ({
    name: field.name,
    read: compile(field.type),
    absentWhenNull: field.defaultValue() === null,
  }));
  return (cursor) => {
    const record: Record<string, unknown> = {};
    for (const { name, read, absentWhenNull } of readers) {
      const value = read(cursor);
      if (value !== null || !absentWhenNull) record[name] = value;
    }
    return record;
  };
}

function unionReader(branches: readonly Type[]): Read {
  const readers = branches.map(compile);
  return (cursor) => {
    const branch = readLong(cursor);
    const read = readers[branch];
    if (read === undefined) throw cursor.unreadable(`union branch ${branch} of ${readers.length}`);
    return read(cursor);
  };
}

function enumReader(symbols: readonly string[]): Read {
  return (cursor) => {
    const index = readLong(cursor);
    const symbol = symbols[index];
    if (symbol === undefined) throw cursor.unreadable(`enum symbol ${index} of ${symbols.length}`);
    return symbol;
  };
}

function arrayReader(itemsType: Type): Read {
  if (itemsType.typeName === 'double') return readDoubles;
  assert(itemsType.typeName !== 'null', 'an array item takes bytes');
  const read = compile(itemsType);
  return (cursor) => {
    const items: unknown[] = [];
    eachBlock(cursor, 1, (count) => {
      cursor.itemsLeft -= count;
      if (cursor.itemsLeft < 0) throw cursor.unreadable('too many array items');
      for (let i = 0; i < count; i++) items.push(read(cursor));
    });
    return items;
  };
}

function readDoubles(cursor: Cursor): Float64Array {
  const blocks: Float64Array[] = [];
  eachBlock(cursor, 8, (count) => {
    const { bytes, position } = cursor;
    const block = new Float64Array(count);
    new Uint8Array(block.buffer).set(bytes.subarray(position, position + count * 8));
    cursor.position += count * 8;
    blocks.push(block);
  });
  const [first] = blocks;
  if (first !== undefined && blocks.length === 1) return first;
  const all = new Float64Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    all.set(block, at);
    at += block.length;
  }
  return all;
}

/** Runs `read` for each block of an array with its count, which is at most what the bytes left can hold. */
function eachBlock(cursor: Cursor, itemBytesMin: number, read: (count: number) => void): void {
  for (;;) {
    const claimed = readLong(cursor);
    if (claimed === 0) return;
    cursor.blocksLeft -= 1;
    if (cursor.blocksLeft < 0) throw cursor.unreadable(`more than ${BLOCKS_MAX} array blocks`);
    const count = Math.abs(claimed);
    const size = claimed < 0 ? takeLength(cursor) : null;
    const start = cursor.position;
    if (count > (cursor.bytes.length - start) / itemBytesMin) {
      throw cursor.unreadable(`${count} array items in ${cursor.bytes.length - start} bytes`);
    }
    read(count);
    if (size !== null && cursor.position - start !== size) throw cursor.unreadable('an array block has another size');
  }
}

function readBoolean(cursor: Cursor): boolean {
  const byte = nextByte(cursor);
  if (byte > 1) throw cursor.unreadable(`boolean ${byte}`);
  return byte === 1;
}

function readInt(cursor: Cursor): number {
  const value = readLong(cursor);
  if (value !== (value | 0)) throw cursor.unreadable(`${value} is no 32-bit integer`);
  return value;
}

/** Zigzag varint. The sign is the lowest bit, so the magnitude stays exact up to 2^53. */
function readLong(cursor: Cursor): number {
  const first = nextByte(cursor);
  let magnitude = (first & 0x7f) >>> 1;
  let scale = 64;
  let byte = first;
  for (let length = 1; byte >= 0x80; length++) {
    if (length === VARINT_BYTES_MAX) throw cursor.unreadable('a number of more than 64 bits');
    byte = nextByte(cursor);
    magnitude += (byte & 0x7f) * scale;
    scale *= 128;
  }
  const value = (first & 1) === 0 ? magnitude : -magnitude - 1;
  // avsc writes no more than 2^53 − 2 on either side: what is read can be written again.
  if (Math.abs(value) >= Number.MAX_SAFE_INTEGER) throw cursor.unreadable('an integer beyond 2^53 − 2');
  return value;
}

function readDouble(cursor: Cursor): number {
  const { bytes, position } = cursor;
  if (bytes.length - position < 8) throw cursor.unreadable('it ends within a double');
  cursor.position += 8;
  return new DataView(bytes.buffer, bytes.byteOffset + position, 8).getFloat64(0, true);
}

/** Longest string that a reader remembers, bytes: a digest. */
const REMEMBERED_BYTES_MAX = 64;
/** Strings that a reader remembers: digests of the versions that answer in turn, a rollout's two and a shadow's among them. */
const REMEMBERED_MAX = 4;

/** Names, datatypes and digests come again and again: comparing bytes with the last ones is cheaper than making a string. */
function stringReader(): Read {
  const known: { readonly bytes: Bytes; readonly text: string }[] = [];
  let oldest = 0;
  return (cursor) => {
    const length = takeLength(cursor);
    const { bytes, position } = cursor;
    cursor.position += length;
    for (let i = 0; i < known.length; i++) {
      const one = known[i];
      if (one !== undefined && one.bytes.length === length && areAt(bytes, position, one.bytes)) return one.text;
    }
    const view = bytes.subarray(position, position + length);
    if (!isUtf8(view)) throw cursor.unreadable('a string is not UTF-8');
    const text = utf8Text(view);
    if (length <= REMEMBERED_BYTES_MAX) {
      known[oldest] = { bytes: Uint8Array.from(view), text };
      oldest = (oldest + 1) % REMEMBERED_MAX;
    }
    return text;
  };
}

function areAt(bytes: Bytes, position: number, wanted: Bytes): boolean {
  for (let at = 0; at < wanted.length; at++) if (bytes[position + at] !== wanted[at]) return false;
  return true;
}

function readBytes(cursor: Cursor): Bytes {
  const length = takeLength(cursor);
  const view = cursor.bytes.subarray(cursor.position, cursor.position + length);
  cursor.position += length;
  return view;
}

/** A length that the bytes left can hold. */
function takeLength(cursor: Cursor): number {
  const length = readLong(cursor);
  const left = cursor.bytes.length - cursor.position;
  if (length < 0 || length > left) throw cursor.unreadable(`a length of ${length} with ${left} bytes left`);
  return length;
}

function nextByte(cursor: Cursor): number {
  const byte = cursor.bytes[cursor.position];
  if (byte === undefined) throw cursor.unreadable('it ends too early');
  cursor.position += 1;
  return byte;
}
