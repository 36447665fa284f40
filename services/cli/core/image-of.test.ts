// Goal: a request that holds a picture gives it; anything else gives nothing and no error.
// Method: shapes and values on both sides of every rule; a property over arbitrary tensors.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../../shared/domain/tensor.ts';
import { imageOf } from './image-of.ts';

const tensor = (shape: readonly number[], value: (at: number) => number): Tensor => ({
  name: 'x',
  datatype: 'FP32',
  shape,
  data: Float32Array.from({ length: shape.reduce((product, side) => product * side, 1) }, (_, at) => value(at)),
});

describe('imageOf', () => {
  it.each([
    [[1, 784], 28, 28],
    [[3, 28, 28], 28, 28],
    [[1, 28, 28, 1], 28, 28],
    [[1, 1, 28, 28], 28, 28],
    [[2, 8, 16], 16, 8],
    [[1, 64], 8, 8],
    [[1, 128, 128], 128, 128],
  ])('rows of %j are %i × %i', (shape, width, height) => {
    expect(imageOf([tensor(shape, () => 0.5)])).toMatchObject({ width, height, pixels: { length: width * height } });
  });

  it.each([
    [[1]],
    [[]],
    [[0, 784]],
    [[1, 4]],
    [[1, 63]],
    [[1, 785]],
    [[1, 49]],
    [[1, 28, 28, 3]],
    [[1, 129, 128]],
    [[1, 0, 64]],
  ])('rows of %j are none', (shape) => expect(imageOf([tensor(shape, () => 0.5)])).toBeNull());

  it('scales 0…1 to 0…255 and leaves 0…255 alone', () => {
    expect(imageOf([tensor([1, 64], (at) => at / 63)])?.pixels.at(-1)).toBe(255);
    expect([...(imageOf([tensor([1, 64], (at) => at)])?.pixels ?? [])]).toEqual(
      Array.from({ length: 64 }, (_, at) => at),
    );
  });

  it.each([-0.1, 255.5, Number.NaN, Number.POSITIVE_INFINITY])('one value of %d makes it no picture', (value) => {
    expect(imageOf([tensor([1, 64], (at) => (at === 40 ? value : 1))])).toBeNull();
  });

  it('takes the first input that is one, and of it the first row', () => {
    const image = imageOf([tensor([2, 3], () => 0), tensor([2, 64], (at) => (at < 64 ? 0 : 1))]);
    expect(image?.pixels.every((pixel) => pixel === 0)).toBe(true);
  });

  it('reads 64-bit integers', () => {
    const data = BigInt64Array.from({ length: 64 }, (_, at) => BigInt(at));
    expect(imageOf([{ name: 'x', datatype: 'INT64', shape: [1, 64], data }])?.pixels[63]).toBe(63);
  });

  it('survives tensors that do not keep their word', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -2, max: 200 }), { maxLength: 4 }), fc.nat(100), (shape, length) => {
        const image = imageOf([{ name: 'x', datatype: 'FP32', shape, data: new Float32Array(length) }]);
        expect(image === null || image.pixels.length === image.width * image.height).toBe(true);
      }),
    );
  });
});
