// Hostile bytes: whatever arrives on a topic, the codecs throw nothing but MillraceError, soon, without much memory.
// Method: thousands of damaged sound messages through every decoder; one-megabyte bodies made to be slow to read.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MillraceError } from '../domain/errors.ts';
import type { Signature, Tensor } from '../domain/tensor.ts';
import { type ControlKind, type ControlValues, decodeControl, encodeControl } from './control.ts';
import { codecNamed, encodeRequest } from './registry.ts';
import { avroType } from './schemas.ts';
import { controlArbitraries } from './testing/control-values.ts';

/** CPU time that no input may take. */
const STALL_MS_MAX = 50;
const signature: Signature = {
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [-1, 3] },
    { name: 'n', datatype: 'INT64', shape: [-1] },
  ],
  outputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }],
};
const inputs: Tensor[] = [
  { name: 'x', datatype: 'FP32', shape: [2, 3], data: Float32Array.of(0.1, -2.5, 3e20, 0, 1, 2) },
  { name: 'n', datatype: 'INT64', shape: [2], data: BigInt64Array.of(-1n, 70_000n) },
];
const codecs = ['json', 'avro'] as const;
const kinds = Object.keys(controlArbitraries) as ControlKind[];
const answer = { id: 'a', endpoint: 'e', model: { version: 2, digest: 'ab' }, outputs: inputs };
const error = { id: null, endpoint: 'e', code: 'EXPIRED', message: 'late' };

/** Every decoder on the same bytes: a sound message of one kind is hostile to the others. */
const decoders: readonly ((bytes: Uint8Array) => unknown)[] = [
  ...codecs.map((name) => (bytes: Uint8Array) => codecNamed(name).decode(bytes, signature, { rowsMax: 8 })),
  ...codecs.map((name) => (bytes: Uint8Array) => codecNamed(name).decodeAnswer(bytes)),
  ...kinds.map(
    (kind) => (bytes: Uint8Array) => decodeControl(kind, { topic: 't', offset: 0, value: bytes, headers: [] }),
  ),
];

function survive(bytes: Uint8Array): void {
  for (const decode of decoders) {
    try {
      decode(bytes);
    } catch (error) {
      if (!(error instanceof MillraceError) || error.kind !== 'poison') throw error;
    }
  }
}

const soundControl = fc.constantFrom(...kinds).chain((kind) =>
  (controlArbitraries[kind] as fc.Arbitrary<ControlValues[ControlKind]>).chain((value) => {
    const schema = kind === 'plan' ? 'route-plan' : kind;
    return fc.constantFrom(encodeControl(kind, value), avroType(schema).toBuffer(value));
  }),
);
const sound = fc.oneof(
  fc.constantFrom(...codecs.map((name) => encodeRequest(name, inputs, { id: 'r' }))),
  fc.constantFrom(...codecs.map((name) => codecNamed(name).encodeAnswer(answer))),
  fc.constantFrom(...codecs.map((name) => codecNamed(name).encodeError(error))),
  soundControl,
);

/** Bytes worth putting anywhere: signs, quotes, brackets, varint edges. */
const telling = fc.oneof(
  fc.constantFrom(...Buffer.from('{}[]",:-9e0\\\u0000\u0001\u007f'), 0x80, 0xff, 0xfe),
  fc.nat(255),
);
const damage = fc.array(
  fc.record({ at: fc.nat(), what: fc.constantFrom('set', 'insert', 'remove', 'cut', 'repeat'), byte: telling }),
  { minLength: 1, maxLength: 4 },
);

function damaged(bytes: Uint8Array, changes: readonly { at: number; what: string; byte: number }[]): Uint8Array {
  const list = [...bytes];
  for (const { at, what, byte } of changes) {
    const place = list.length === 0 ? 0 : at % list.length;
    if (what === 'set') list[place] = byte;
    else if (what === 'insert') list.splice(place, 0, byte);
    else if (what === 'remove') list.splice(place, 1 + (byte % 4));
    else if (what === 'cut') list.length = place;
    else list.splice(place, 0, ...list.slice(place, place + byte));
  }
  return Uint8Array.from(list);
}

describe('no decoder throws anything but a poison MillraceError', () => {
  it('for damaged messages', () => {
    const message = fc.tuple(sound, damage).map(([bytes, changes]) => damaged(bytes, changes));
    fc.assert(fc.property(message, survive), { numRuns: 1_500 });
  });

  it('for any bytes at all', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), survive), { numRuns: 1_000 });
  });

  it('for any JSON value in the place of any other', () => {
    const bodies = fc.jsonValue({ maxDepth: 3 }).map((value) => {
      const x = { name: 'x', shape: [2, 3], datatype: 'FP32', data: value };
      return [
        value,
        { inputs: value },
        { inputs: [x] },
        { inputs: [{ ...x, shape: value }] },
        { model_name: 'm', outputs: [x] },
      ];
    });
    fc.assert(
      fc.property(bodies, (values) => {
        for (const value of values) survive(Buffer.from(JSON.stringify(value)));
      }),
      { numRuns: 150 },
    );
  });
});

const MEBIBYTE = 2 ** 20;
const upTo = (piece: (at: number) => string, bytes = MEBIBYTE) => {
  const pieces: string[] = [];
  for (let length = 0; length < bytes; length += pieces.at(-1)?.length ?? 1) pieces.push(piece(pieces.length));
  return pieces.join('');
};
const base36 = (at: number) => at.toString(36);
const inData = (list: string) => `{"inputs":[{"name":"x","datatype":"FP32","shape":[8,3],"data":[${list}0]}]}`;
const largest = MEBIBYTE - 200;
/** A tensor without name and shape, its doubles in blocks of one. */
const manyBlocks = (blocks: number) =>
  Buffer.concat([
    Buffer.from([0, 0, 0, 2]),
    Buffer.alloc(blocks * 9, Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0)),
    Buffer.of(0),
  ]);

describe('no decoder takes longer than 50 ms of CPU', () => {
  it.each([
    ['deep lists, open', '['.repeat(MEBIBYTE)],
    ['deep lists, closed', `${'['.repeat(MEBIBYTE / 2)}${']'.repeat(MEBIBYTE / 2)}`],
    ['deep lists just below where they are counted', '['.repeat(32_768)],
    ['deep objects', upTo(() => '{"a":')],
    ['many keys', `{${upTo((at) => `"${base36(at)}":0,`, largest)}"z":0}`],
    ['many objects', `[${upTo((at) => `{"${base36(at)}":0},`, largest)}0]`],
    ['many lists', inData(upTo(() => '[],', largest))],
    ['as many lists as are allowed', inData('[],'.repeat(99_990))],
    ['many texts', inData(upTo((at) => `"${base36(at)}",`, largest))],
    ['small numbers', inData(upTo(() => '1e-300,', largest))],
    ['many numbers', inData(upTo(() => '0,', largest))],
    ['many hard numbers', inData(upTo(() => `0.${'1234567890'.repeat(80)},`, largest))],
    ['one long number', inData(`${'9'.repeat(largest)},`)],
    ['escapes', inData(`"${'\\u00e9'.repeat(150_000)}",`)],
    ['a long id', `{"id":"${'x'.repeat(largest)}"}`],
    ['white space', ' '.repeat(MEBIBYTE)],
    ['backslashes', `{"${'\\'.repeat(MEBIBYTE)}`],
    ['wrong receipts', `{"evidence":[${upTo(() => '0,', largest)}0]}`],
    ['as many wrong receipts as are allowed', `{"evidence":[${'0,'.repeat(4_000)}0],"type":"noted"}`],
    ['as many wrong partitions as are allowed', `{"owned":{"blue":[${'"",'.repeat(4_000)}0],"green":[]}}`],
    ['two-byte text', inData(`"${'é'.repeat(largest / 2)}",`)],
  ])('of JSON: %s', (_, text) => {
    expect(stallMs(Buffer.from(text))).toBeLessThan(STALL_MS_MAX);
  });

  it.each([
    ['ones', Buffer.alloc(MEBIBYTE, 1)],
    ['twos', Buffer.alloc(MEBIBYTE, 2)],
    ['blocks of one double', Buffer.concat([Buffer.from([2, 0, 0, 0, 2]), Buffer.alloc(MEBIBYTE - 5, 2)])],
    ['blocks of one double in many tensors', Buffer.concat([Buffer.from([80]), ...Array(40).fill(manyBlocks(2_900))])],
    ['a shape of all the rest', Buffer.concat([Buffer.from([2, 0, 0, 0xfe, 0xff, 0x7e]), Buffer.alloc(MEBIBYTE, 2)])],
    ['a name of all the rest', Buffer.concat([Buffer.from([2, 0xfe, 0xff, 0x7e]), Buffer.alloc(MEBIBYTE, 0x78)])],
    ['evidence', Buffer.concat([Buffer.alloc(9), Buffer.from([0xfe, 0xff, 0x7e]), Buffer.alloc(MEBIBYTE - 12)])],
  ])('of Avro: %s', (_, bytes) => {
    expect(stallMs(bytes)).toBeLessThan(STALL_MS_MAX);
  });
});

/** Longest CPU time that any decoder took, the best of three: the first run may compile, and the machine is shared. */
function stallMs(bytes: Uint8Array): number {
  return Math.max(...decoders.map((decode) => Math.min(...[1, 2, 3].map(() => cpuMs(decode, bytes)))));
}

function cpuMs(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): number {
  const start = process.cpuUsage();
  try {
    decode(bytes);
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
  }
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}
