// Test support: arbitrary signatures, and tensors that fit them, of every datatype.
// Used by the codec tests; holds no code that the services run.

import fc from 'fast-check';
import { DATATYPES, type Signature, type Tensor, type TensorData, type TensorSpec } from '../../domain/tensor.ts';

/** Numbers that a JSON request can carry exactly: INT64 within 2^53. */
export function elementsArbitrary(datatype: Tensor['datatype'], count: number): fc.Arbitrary<TensorData> {
  const exactly = { minLength: count, maxLength: count };
  const integers = (min: number, max: number) => fc.array(fc.integer({ min, max }), exactly);
  switch (datatype) {
    case 'BOOL':
      return integers(0, 1).map((values) => Uint8Array.from(values));
    case 'UINT8':
      return integers(0, 255).map((values) => Uint8Array.from(values));
    case 'INT8':
      return integers(-128, 127).map((values) => Int8Array.from(values));
    case 'INT16':
      return integers(-32_768, 32_767).map((values) => Int16Array.from(values));
    case 'INT32':
      return integers(-(2 ** 31), 2 ** 31 - 1).map((values) => Int32Array.from(values));
    case 'INT64':
      return fc.array(fc.maxSafeInteger(), exactly).map((values) => BigInt64Array.from(values, BigInt));
    case 'FP32':
      return fc
        .array(fc.float({ noNaN: true, noDefaultInfinity: true }), exactly)
        .map((values) => Float32Array.from(values));
    case 'FP64':
      return fc
        .array(fc.double({ noNaN: true, noDefaultInfinity: true }), exactly)
        .map((values) => Float64Array.from(values));
  }
}

const specArbitrary: fc.Arbitrary<TensorSpec> = fc.record({
  name: fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
  datatype: fc.constantFrom(...DATATYPES),
  shape: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }).map((rest) => [-1, ...rest]),
});

const specsArbitrary = fc.uniqueArray(specArbitrary, {
  minLength: 1,
  maxLength: 4,
  selector: ({ name }) => name,
});

export const signatureArbitrary: fc.Arbitrary<Signature> = fc.record({
  inputs: specsArbitrary,
  outputs: specsArbitrary,
});

/** Tensors of some specs, in order, with `rows` rows. */
export function tensorsArbitrary(specs: readonly TensorSpec[], rows: number): fc.Arbitrary<Tensor[]> {
  return fc.tuple(
    ...specs.map(({ name, datatype, shape: [, ...rest] }) => {
      const shape = [rows, ...rest];
      const count = shape.reduce((product, size) => product * size, 1);
      return elementsArbitrary(datatype, count).map((data) => ({ name, datatype, shape, data }));
    }),
  );
}

export interface Exchange {
  readonly signature: Signature;
  readonly rows: number;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly id: string | null;
}

/** A signature, a request that fits it and an answer that fits it. */
export const exchangeArbitrary: fc.Arbitrary<Exchange> = fc
  .tuple(signatureArbitrary, fc.integer({ min: 1, max: 3 }))
  .chain(([signature, rows]) =>
    fc.record({
      signature: fc.constant(signature),
      rows: fc.constant(rows),
      inputs: tensorsArbitrary(signature.inputs, rows),
      outputs: tensorsArbitrary(signature.outputs, rows),
      id: fc.option(fc.string({ unit: 'grapheme', maxLength: 40 })),
    }),
  );

/** A tensor as plain values, so that views and copies, Buffers and arrays compare equal; bits of floats included. */
export function plain(tensor: Tensor): unknown {
  const { name, datatype, shape, data } = tensor;
  const { buffer, byteOffset, byteLength } = data;
  return {
    name,
    datatype,
    shape,
    kind: data.constructor.name,
    hex: Buffer.from(buffer, byteOffset, byteLength).toString('hex'),
  };
}
