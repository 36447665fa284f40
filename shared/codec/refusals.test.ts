// Refused requests: each wrong thing gets its code and words that help, in both codecs where both can say it.
// Method: one sound request, changed in one place at a time.

import { describe, expect, it } from 'vitest';
import { errorCode, MillraceError } from '../domain/errors.ts';
import type { Signature } from '../domain/tensor.ts';
import { oipJson } from './oip-json.ts';
import { codecFor } from './registry.ts';
import { avroType } from './schemas.ts';

const signature: Signature = {
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [-1, 2] },
    { name: 'n', datatype: 'INT16', shape: [-1] },
  ],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
};
const limits = { rowsMax: 3 };
const x = { name: 'x', shape: [1, 2], datatype: 'FP32', data: [1, 2] as unknown };
const n = { name: 'n', shape: [1], datatype: 'INT16', data: [7] as unknown };

function refusal(value: Uint8Array, by: Signature = signature): string {
  try {
    codecFor(null, value).decode(value, by, limits);
    return 'accepted';
  } catch (error) {
    expect(error).toBeInstanceOf(MillraceError);
    expect(error).toMatchObject({ kind: 'poison' });
    return `${errorCode(error)} ${(error as MillraceError).message}`;
  }
}
const json = (body: unknown) => refusal(Buffer.from(JSON.stringify(body)));
const avro = (body: unknown) => refusal(avroType('request').toBuffer(body));

describe.each([
  ['json', json],
  ['avro', avro],
])('a request in %s is refused', (_, refused) => {
  it('when an input is missing, unknown or given twice', () => {
    expect(refused({ inputs: [x] })).toContain('REQUEST_TENSOR input n: it is missing (given: x)');
    expect(refused({ inputs: [x, n, { ...n, name: 'm' }] })).toContain('input m: the endpoint takes no such tensor');
    expect(refused({ inputs: [x, n, x] })).toContain('input x: it is given twice');
    expect(refused({ inputs: [] })).toContain('REQUEST_');
  });

  it('when a datatype or shape is another, or a row has no batch dimension', () => {
    expect(refused({ inputs: [{ ...x, datatype: 'FP64' }, n] })).toContain('datatype FP64, not FP32');
    expect(refused({ inputs: [{ ...x, shape: [1, 3] }, n] })).toContain('shape [1,3], not [-1,2]');
    expect(refused({ inputs: [{ ...x, shape: [2] }, n] })).toContain('without its batch dimension: send [1,2]');
    expect(refused({ inputs: [x, { ...n, shape: [] }] })).toContain('without its batch dimension: send [1]');
    expect(refused({ inputs: [{ ...x, shape: [0, 2], data: [] }, n] })).toContain('0 rows');
    expect(refused({ inputs: [{ ...x, shape: [-1, 2] }, n] })).toContain('-1 rows');
  });

  it('when it has too many rows, or its inputs differ in rows', () => {
    const rows = (count: number) => ({ ...x, shape: [count, 2], data: Array(count * 2).fill(0) });
    expect(refused({ inputs: [rows(4), n] })).toContain('REQUEST_TOO_MANY_ROWS');
    expect(refused({ inputs: [{ ...x, shape: [1_000_000_000_000, 2] }, n] })).toContain('REQUEST_TOO_MANY_ROWS');
    expect(refused({ inputs: [rows(2), n] })).toContain('input n: it has 1 rows, and x has 2');
  });

  it('when its data has another length, or a number that the datatype cannot hold', () => {
    expect(refused({ inputs: [{ ...x, data: [1] }, n] })).toContain('1 elements of data, and its shape needs 2');
    expect(refused({ inputs: [x, { ...n, data: [32_768] }] })).toContain('input n: element 0 is 32768');
    expect(refused({ inputs: [x, { ...n, data: [0.5] }] })).toContain('input n: element 0 is 0.5');
    expect(refused({ inputs: [{ ...x, data: [1, 1e39] }, n] })).toContain('REQUEST_NOT_FINITE input x');
  });

  it('when its id is too long', () => {
    expect(refused({ id: 'i'.repeat(1_025), inputs: [x, n] })).toContain('REQUEST_UNREADABLE');
  });
});

describe('a JSON request is refused', () => {
  it('when it is no object, misses inputs or has unknown keys', () => {
    expect(json([])).toContain('REQUEST_UNREADABLE');
    expect(json({})).toContain("'inputs' is no list");
    expect(json({ inputs: [x, n], model: 1 })).toContain("unknown key 'model'");
    expect(json({ inputs: [{ ...x, dtype: 1 }, n] })).toContain("inputs[0] has an unknown key 'dtype'");
    expect(json({ inputs: [x, 3] })).toContain('inputs[1] is no object');
    expect(json({ inputs: [{ ...x, name: 3 }, n] })).toContain("inputs[0] has no 'name'");
    expect(json({ id: 3, inputs: [x, n] })).toContain("'id' is no text");
    expect(json({ inputs: [x, n], outputs: [{ name: 'z' }] })).toContain("no output 'z'");
    expect(refusal(Buffer.from('{"__proto__":{"inputs":[]}}'))).toContain("unknown key '__proto__'");
  });

  it('when an element is no number', () => {
    expect(json({ inputs: [{ ...x, data: [1, null] }, n] })).toContain('element 1 is null');
    expect(json({ inputs: [{ ...x, data: ['1', 2] }, n] })).toContain("element 0 is the text '1'");
    expect(json({ inputs: [{ ...x, data: [1, [2]] }, n] })).toContain('element 1 is a list');
    expect(json({ inputs: [{ ...x, data: [true, 2] }, n] })).toContain('element 0 is true');
    expect(json({ inputs: [{ ...x, data: '1,2' }, n] })).toContain('its data is no list');
  });

  it('when its lists are not nested as its shape is', () => {
    const rows = (data: unknown) => json({ inputs: [{ ...x, data }, n] });
    expect(rows([[1, 2]])).toBe('accepted');
    for (const data of [[[1]], [[1, 2], [3]], [[1, 2, 3]], [[[1, 2]]], [[1, [2]]]]) {
      expect(rows(data)).toContain('REQUEST_TENSOR input x');
    }
  });

  it('when it is not JSON or not UTF-8', () => {
    expect(refusal(Buffer.from('{"inputs":[NaN]}'))).toContain('it is not JSON');
    expect(refusal(Buffer.from('{"inputs'))).toContain('it is not JSON');
    expect(refusal(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]))).toContain('not UTF-8');
    expect(() => oipJson.decode(new Uint8Array(), signature, limits)).toThrow('not JSON');
  });

  it('when an INT64 is beyond 2^53, which JSON.parse would round', () => {
    const long: Signature = { ...signature, inputs: [{ name: 'k', datatype: 'INT64', shape: [-1] }] };
    const body = (number: string) =>
      Buffer.from(`{"inputs":[{"name":"k","datatype":"INT64","shape":[1],"data":[${number}]}]}`);
    expect(refusal(body('9007199254740991'), long)).toBe('accepted');
    expect(refusal(body('9007199254740993'), long)).toContain('REQUEST_TENSOR input k');
  });
});

describe('an Avro request is refused', () => {
  const floats = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer);

  it('when its bytes have another length, or hold NaN or infinity', () => {
    expect(avro({ inputs: [{ ...x, data: floats(1) }, n] })).toContain('4 bytes of data, and its shape needs 8');
    expect(avro({ inputs: [{ ...x, data: floats(1, Number.NaN) }, n] })).toContain('at element 1');
    expect(avro({ inputs: [{ ...x, data: floats(Number.NEGATIVE_INFINITY, 1) }, n] })).toContain('at element 0');
    expect(avro({ inputs: [{ ...x, data: [Number.NaN, 1] }, n] })).toContain('REQUEST_NOT_FINITE');
  });

  it('when a BOOL byte is neither 0 nor 1', () => {
    const flags: Signature = { ...signature, inputs: [{ name: 'b', datatype: 'BOOL', shape: [-1, 2] }] };
    const value = { inputs: [{ name: 'b', datatype: 'BOOL', shape: [1, 2], data: Buffer.from([1, 2]) }] };
    expect(refusal(avroType('request').toBuffer(value), flags)).toContain('element 1 is 2; a BOOL is 0 or 1');
  });
});

it('says nothing as long as what it refuses', () => {
  const name = 'n'.repeat(500_000);
  expect(json({ inputs: [x, { ...n, name }] }).length).toBeLessThan(600);
  expect(json({ inputs: [x, n, { ...n, name }] }).length).toBeLessThan(600);
  expect(json({ inputs: [x, { ...n, datatype: name }] }).length).toBeLessThan(600);
  expect(json({ inputs: [x, { ...n, shape: Array(100_000).fill(1) }] }).length).toBeLessThan(600);
  expect(json({ [name]: 1 }).length).toBeLessThan(600);
});
