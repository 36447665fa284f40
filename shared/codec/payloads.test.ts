// Payload codecs: what goes in comes out, in both codecs and between them, for every datatype and shape.
// Method: properties over arbitrary signatures with tensors that fit them; hand-written bodies where the form matters.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Signature } from '../domain/tensor.ts';
import { avro, avroCodec } from './avro.ts';
import { oipJson } from './oip-json.ts';
import { CODECS, codecFor, codecNamed, decodeAnswer, encodeRequest } from './registry.ts';
import { exchangeArbitrary, plain } from './testing/tensors.ts';

const digest = 'ab'.repeat(32);
const limits = { rowsMax: 64 };
const names = Object.values(CODECS).map(({ name }) => name);
const bytes = (text: string) => new TextEncoder().encode(text);
const signature: Signature = {
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [-1, 2] },
    { name: 'flag', datatype: 'BOOL', shape: [-1] },
  ],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
};

describe.each(names)('the %s codec', (name) => {
  const codec = codecNamed(name);

  it('reads back every request that it writes, inputs in signature order whatever order they came in', () => {
    fc.assert(
      fc.property(exchangeArbitrary, ({ signature, rows, inputs, id }) => {
        const value = encodeRequest(name, [...inputs].reverse(), id === null ? {} : { id });
        const request = codecFor(null, value).decode(value, signature, limits);
        expect(request.id).toBe(id);
        expect(request.rows).toBe(rows);
        expect(request.inputs.map(plain)).toEqual(inputs.map(plain));
      }),
    );
  });

  it('reads back every answer that it writes, to the bit', () => {
    fc.assert(
      fc.property(exchangeArbitrary, ({ outputs, id }) => {
        const value = codec.encodeAnswer({ id, endpoint: 'digits', model: { version: 7, digest }, outputs });
        const answer = decodeAnswer(value, null);
        expect(answer).toMatchObject({ kind: 'answer', id, endpoint: 'digits', version: 7 });
        expect(answer.kind === 'answer' && answer.outputs.map(plain)).toEqual(outputs.map(plain));
      }),
    );
  });

  it('reads back every error answer that it writes, long messages shortened', () => {
    const error = { id: 'a "b" é', endpoint: 'digits', code: 'REQUEST_TENSOR', message: 'input x: so\nso' };
    const value = codec.encodeError(error);
    expect(decodeAnswer(value, codec.contentType)).toEqual({ kind: 'error', ...error });
    expect(codec.encodeError({ ...error, message: 'x'.repeat(1_000_000) }).length).toBeLessThan(5_000);
  });

  it('says what an answer misses', () => {
    expect(() => codec.decodeAnswer(bytes(name === 'json' ? '{}' : '\u0000\u0000\u0000\u0000\u0000\u0000'))).toThrow(
      'the answer cannot be read',
    );
  });
});

describe('the codec of a record', () => {
  it('is the one that its content-type names, else the one of its first byte', () => {
    const json = bytes(' \n{"inputs":[]}');
    for (const type of ['application/json', 'Application/JSON; charset=utf-8']) {
      expect(codecFor(type, bytes('x')).name).toBe('json');
    }
    for (const type of ['application/avro', 'avro/binary', 'application/vnd.apache.avro+binary']) {
      expect(codecFor(type, json).name).toBe('avro');
    }
    expect(codecFor('text/plain', json).name).toBe('json');
    expect(codecFor(null, json).name).toBe('json');
    expect(codecFor(null, bytes('\uFEFF{}')).name).toBe('json');
    expect(codecFor(null, encodeRequest('avro', [])).name).toBe('avro');
    expect(codecFor(null, new Uint8Array()).name).toBe('json');
  });
});

describe('JSON requests', () => {
  const decode = (body: unknown) => oipJson.decode(bytes(JSON.stringify(body)), signature, limits);
  const x = { name: 'x', shape: [2, 2], datatype: 'FP32', data: [0.1, 2, -3, 4e10] };
  const flag = { name: 'flag', shape: [2], datatype: 'BOOL', data: [true, 0] };

  it('may nest their data as the shape does', () => {
    const nested = {
      ...x,
      data: [
        [0.1, 2],
        [-3, 4e10],
      ],
    };
    expect(decode({ inputs: [nested, flag] })).toEqual(decode({ inputs: [flag, x] }));
  });

  it('may carry parameters and name outputs, as the protocol has them', () => {
    const request = {
      id: '7',
      parameters: { a: 1 },
      inputs: [x, { ...flag, parameters: {} }],
      outputs: [{ name: 'y' }],
    };
    expect(decode(request).id).toBe('7');
  });
});

describe('Avro requests', () => {
  const request = encodeRequest('avro', [
    { name: 'x', datatype: 'FP32', shape: [1, 2], data: Float32Array.of(1, 2) },
    { name: 'flag', datatype: 'BOOL', shape: [1], data: Uint8Array.of(1) },
  ]);

  it('are read whether their bytes are aligned or not', () => {
    for (const shift of [0, 1, 2, 3]) {
      const moved = new Uint8Array(request.length + shift);
      moved.set(request, shift);
      const { inputs } = avro.decode(moved.subarray(shift), signature, limits);
      expect(inputs[0]?.data).toEqual(Float32Array.of(1, 2));
    }
  });

  it('come in Confluent wire format only under a configured schema id', () => {
    const framed = (id: number) => Buffer.concat([Buffer.from([0, 0, 0, id >> 8, id & 255]), request]);
    const confluent = avroCodec({ confluentIds: new Set([300]) });
    expect(confluent.decode(framed(300), signature, limits).rows).toBe(1);
    expect(confluent.decode(request, signature, limits).rows).toBe(1);
    expect(() => confluent.decode(framed(301), signature, limits)).toThrow('schema id 301');
    expect(() => confluent.decode(framed(300).subarray(0, 3), signature, limits)).toThrow('ends within');
    expect(() => avro.decode(framed(300), signature, limits)).toThrow('Confluent');
  });
});
