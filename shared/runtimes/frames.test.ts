// Goal: whatever is framed is read back, however the stream is cut; hostile bytes end in FRAME_INVALID and nothing else.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MillraceError } from '../domain/errors.ts';
import { DATATYPES, type Datatype, rowElements, type Tensor, type TensorSpec } from '../domain/tensor.ts';
import {
  CONTROL_BYTES_MAX,
  decodeControl,
  decodeTensors,
  encodeControl,
  encodeFrame,
  encodeTensors,
  FRAME_KINDS,
  FRAME_ROWS_MAX,
  FrameReader,
  HEADER_BYTES,
  tensorBytes,
} from './frames.ts';

const specs = fc.uniqueArray(
  fc.record({
    name: fc.string({ minLength: 1, maxLength: 8 }),
    datatype: fc.constantFrom(...DATATYPES),
    shape: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }).map((rest) => [-1, ...rest]),
  }),
  { minLength: 1, maxLength: 4, selector: (spec) => spec.name },
);

function tensorOf(spec: TensorSpec, rows: number, seed: number): Tensor {
  const values = Array.from({ length: rowElements(spec.shape) * rows }, (_, index) => (index * 31 + seed) % 100);
  return {
    name: spec.name,
    datatype: spec.datatype,
    shape: [rows, ...spec.shape.slice(1)],
    data: view(spec.datatype, values),
  };
}

function view(datatype: Datatype, values: number[]) {
  switch (datatype) {
    case 'BOOL':
      return Uint8Array.from(values, (value) => value % 2);
    case 'UINT8':
      return Uint8Array.from(values);
    case 'INT8':
      return Int8Array.from(values);
    case 'INT16':
      return Int16Array.from(values);
    case 'INT32':
      return Int32Array.from(values);
    case 'INT64':
      return BigInt64Array.from(values, BigInt);
    case 'FP32':
      return Float32Array.from(values);
    case 'FP64':
      return Float64Array.from(values);
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function readInPieces(bytes: Uint8Array, cuts: readonly number[]) {
  const reader = new FrameReader();
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.flatMap((from, index) => reader.push(bytes.subarray(from, places[index + 1] ?? from)));
}

describe('a frame', () => {
  test('of tensors is read back whatever its types, shapes and cuts', () => {
    const property = fc.property(
      specs,
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.nat(), { maxLength: 6 }),
      fc.nat(),
      (list, rows, cuts, seed) => {
        const tensors = list.map((spec) => tensorOf(spec, rows, seed));
        const head = { kind: FRAME_KINDS.SCORE, id: seed >>> 0, rows };
        const bytes = concat(encodeFrame(head, encodeTensors(tensors)));
        expect(bytes.length).toBe(HEADER_BYTES + tensorBytes(list, rows));
        const frames = readInPieces(concat([bytes, bytes]), cuts);
        expect(frames).toHaveLength(2);
        for (const frame of frames) {
          expect(frame).toMatchObject(head);
          expect(decodeTensors(frame.payload, list, rows)).toEqual(tensors);
        }
      },
    );
    fc.assert(property, { numRuns: 200 });
  });

  test('of control carries JSON, an empty one included', () => {
    const frames = readInPieces(
      concat([
        ...encodeControl(FRAME_KINDS.START, 0, { a: 'é' }),
        ...encodeFrame({ kind: FRAME_KINDS.FAILED, id: 7, rows: 0 }, []),
      ]),
      [3],
    );
    expect(decodeControl(frames[0] ?? fail())).toEqual({ a: 'é' });
    expect(frames[1]).toMatchObject({ kind: FRAME_KINDS.FAILED, id: 7 });
    expect(() => decodeControl(frames[1] ?? fail())).toThrow('not JSON');
  });
});

describe('a large frame', () => {
  const bytes = 5 * 1024 * 1024 + 8;
  const payload = Uint8Array.from({ length: bytes }, (_, at) => at % 251);

  test('is read back whole, in a buffer of its own size', () => {
    const stream = concat(encodeFrame({ kind: FRAME_KINDS.ANSWER, id: 1, rows: 1 }, [payload]));
    const frames = readInPieces(stream, [1_000_000, 1_048_592, 1_048_593, 4_000_000]);
    expect(frames).toHaveLength(1);
    expect(Buffer.compare(frames[0]?.payload ?? fail(), payload)).toBe(0);
    expect(frames[0]?.payload.buffer.byteLength).toBe(bytes);
  });

  test('costs little before its bytes come, whatever its header says', () => {
    const before = process.memoryUsage().arrayBuffers;
    const readers = [1, 2, 3, 4].map(() => new FrameReader());
    for (const reader of readers) reader.push(header(64 * 1024 * 1024, FRAME_KINDS.ANSWER, 1));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
  });
});

describe('hostile bytes', () => {
  test('give frames or FRAME_INVALID, never another error', () => {
    const property = fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 }), (chunks) => {
      const reader = new FrameReader();
      try {
        for (const chunk of chunks) reader.push(chunk);
      } catch (error) {
        expect(error).toBeInstanceOf(MillraceError);
        expect((error as MillraceError).code).toBe('FRAME_INVALID');
      }
    });
    fc.assert(property, { numRuns: 500 });
  });

  test.each([
    ['a length of 4 GiB', header(0xffffffff, FRAME_KINDS.ANSWER, 1)],
    ['a control frame above its limit', header(CONTROL_BYTES_MAX + 1, FRAME_KINDS.READY, 0)],
    ['an unknown kind', header(0, 99, 1)],
    ['no rows', header(8, FRAME_KINDS.ANSWER, 0)],
    ['too many rows', header(8, FRAME_KINDS.ANSWER, FRAME_ROWS_MAX + 1)],
  ])('%s is refused from the header alone', (_, bytes) => {
    expect(() => new FrameReader().push(bytes)).toThrow(MillraceError);
  });

  test('a control frame of nothing but brackets is not parsed', () => {
    const payload = Buffer.alloc(CONTROL_BYTES_MAX, '[');
    const [frame = fail()] = readInPieces(
      concat(encodeFrame({ kind: FRAME_KINDS.READY, id: 0, rows: 0 }, [payload])),
      [],
    );
    expect(() => decodeControl(frame)).toThrow('nested deeper than 8');
  });

  test('a payload that is not what signature and rows say is refused', () => {
    const spec: TensorSpec = { name: 'x', datatype: 'FP32', shape: [-1, 3] };
    expect(() => decodeTensors(new Uint8Array(8), [spec], 1)).toThrow('8 bytes of tensors, not 16');
    expect(() => decodeTensors(new Uint8Array(24).subarray(1, 17), [spec], 1)).toThrow(MillraceError);
    expect(() => decodeTensors(new Uint8Array(16), [spec], 65_536)).toThrow(MillraceError);
  });
});

function header(bytes: number, kind: number, rows: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(HEADER_BYTES));
  view.setUint32(0, bytes, true);
  view.setUint8(4, kind);
  view.setUint32(12, rows, true);
  return new Uint8Array(view.buffer);
}

function fail(): never {
  throw new Error('a frame is missing');
}
