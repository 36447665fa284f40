// Avro reading: agrees with avsc on everything valid, and believes no length or count.
// Method: arbitrary values through avsc and back; arrays re-encoded in sized blocks by hand; hostile bytes by hand.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MillraceError } from '../domain/errors.ts';
import { compileReader } from './avro-read.ts';
import { avroType, SCHEMA_NAMES } from './schemas.ts';
import { controlArbitraries } from './testing/control-values.ts';

const unreadable = (detail: string) => new MillraceError('REQUEST_UNREADABLE', { detail });
const limits = { itemsMax: 1_000 };
const readRequest = (bytes: Uint8Array) => compileReader(avroType('request'))(bytes, limits, unreadable);

/** Comparable with avsc's result: doubles as a list, bytes as Buffer, absent as absent. */
function normal(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, field) => {
      if (field instanceof Float64Array) return Array.from(field, String);
      if (Array.isArray(field) && typeof field[0] === 'number') return field.map(String);
      return field;
    }),
  );
}

/** Fields that avsc gives as null and a JSON reader leaves out. */
function withoutDefaultNulls(value: Record<string, unknown>): unknown {
  return Object.fromEntries(Object.entries(value).filter(([name, field]) => field !== null || name !== 'id'));
}

const tensor = fc.record({
  name: fc.string({ unit: 'grapheme' }),
  datatype: fc.string(),
  shape: fc.array(fc.integer({ min: -(2 ** 53) + 2, max: 2 ** 53 - 2 })),
  data: fc.oneof(
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.array(fc.double({ noNaN: true })),
  ),
});

/** An event. */
const LEAST_INTEGER =
  'HPCQgIDgoIDwkICAQcyAgP///////x+AgICAgIABJuCggPCQgIDwkICA8JCAgPCQgIAI8JCAgAjwkICADGZhaWxlZEzwkICA8JCA' +
  'gPCQgIDwkICA4KCA8JCAgOCggPCQgIDwkICA8JCAgCDwkICA8JCAgPCQgIDwkICAAgbgoIAAAhJlbmRwb2ludHOAgICAgICAAQIm' +
  '8JCAgPCQgIDwkICA8JCAgOCggAAAAAACAAAAAAAAGGxhbmUtZHJhaW5lZAA=';

describe('our Avro reader', () => {
  it('reads requests as avsc does, numbers up to 2^53 and infinite doubles included', () => {
    const request = fc.record({ inputs: fc.array(tensor, { maxLength: 5 }), id: fc.option(fc.string()) });
    fc.assert(
      fc.property(request, (value) => {
        const bytes = avroType('request').toBuffer(value);
        const told = avroType('request').fromBuffer(bytes);
        expect(normal(readRequest(bytes))).toEqual(normal(withoutDefaultNulls(told)));
      }),
    );
  });

  it('reads whatever it reads of damaged bytes as avsc does', () => {
    const event = controlArbitraries.event.map((value) => avroType('event').toBuffer(value));
    const read = compileReader(avroType('event'));
    const type = avroType('event');
    fc.assert(
      fc.property(event, fc.nat(), fc.integer({ min: 0, max: 255 }), (bytes, at, byte) => {
        const damaged = Buffer.from(bytes);
        damaged[at % damaged.length] = byte;
        let value: unknown;
        try {
          value = read(damaged, limits, unreadable);
        } catch (error) {
          expect(error).toBeInstanceOf(MillraceError);
          return;
        }
        expect(type.toBuffer(value)).toEqual(type.toBuffer(type.fromBuffer(damaged)));
      }),
      // An integer of −(2^53 − 1), which avsc reads and does not write.
      { numRuns: 500, examples: [[Buffer.from(LEAST_INTEGER, 'base64'), 15, 253]] },
    );
  });

  it('reads arrays in several blocks, with and without sizes', () => {
    const doubles = Buffer.from(Float64Array.of(1.5, -2, 3).buffer);
    const names = Buffer.from([2, 0x78, 2, 0x64]); // 'x', 'd'
    const shape = Buffer.from([1, 2, 4, 2, 6, 0]); // block of −1 item, size 1: 2; block of 1 item: 3; end
    const data = Buffer.concat([
      Buffer.from([2, 3, 32]), // the union's array; −2 items, 16 bytes
      doubles.subarray(0, 16),
      Buffer.from([2]),
      doubles.subarray(16),
      Buffer.from([0]),
    ]);
    const body = Buffer.concat([names, shape, data]);
    const sized = Buffer.concat([Buffer.from([1, ...varint(body.length)]), body, Buffer.from([0, 0])]);
    const value = { inputs: [{ name: 'x', datatype: 'd', shape: [2, 3], data: Float64Array.of(1.5, -2, 3) }] };
    expect(readRequest(sized)).toEqual(value);
    const wrongSize = Buffer.concat([Buffer.from([1, ...varint(body.length - 1)]), body, Buffer.from([0, 0])]);
    expect(() => readRequest(wrongSize)).toThrow('another size');
  });

  it.each([
    ['five bytes that claim 30 million items', [0x80, 0x87, 0xa7, 0x1c, 0]],
    ['a count of 2^62', [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ['a negative count of 2^62 with a size', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 4]],
    ['a number that never ends', Array(64).fill(0xff)],
    ['a string longer than the rest', [2, 0x7e, 0x78]],
    ['a negative length', [2, 0x01]],
    ['an unknown union branch', [0, 4]],
    ['a string that is not UTF-8', [0, 2, 2, 0xff]],
    ['bytes after the end', [0, 0, 0]],
    ['nothing', []],
  ])('refuses %s', (_, bytes) => {
    expect(() => readRequest(Uint8Array.from(bytes))).toThrow(MillraceError);
  });

  it('refuses more items than its limit before it makes them', () => {
    const many = avroType('worker').toBuffer({
      ...{ worker: 'w', role: 'scorer', endpoint: 'e', version: 1, digest: '', state: 'READY' },
      ...{ runtime: '', problem: '', atMs: 0 },
      owned: { blue: Array(1_001).fill(0), green: [] },
    });
    expect(() => compileReader(avroType('worker'))(many, limits, unreadable)).toThrow('too many array items');
  });

  it('knows every schema', () => {
    for (const name of SCHEMA_NAMES) expect(compileReader(avroType(name))).toBeTypeOf('function');
  });
});

function varint(value: number): number[] {
  const zigzag = value * 2;
  return zigzag < 128 ? [zigzag] : [(zigzag & 127) | 128, zigzag >> 7];
}
