// Elements: numbers of a flat or nested list into one typed array. The hot loop of every JSON request.
// Flow: tensors.ts → [fillElements]. The caller has checked that the payload is long enough for `count` elements.
// Invariant: every element is checked; an integer out of range, a fraction in an integer tensor, a text, null, NaN or
//       infinity is refused with its index; a nested list must have exactly the tensor's shape.

import { MillraceError } from '../domain/errors.ts';
import type { Datatype, TensorData } from '../domain/tensor.ts';
import { clip } from './text.ts';

/** What the list must hold. `count` is the product of `shape`. */
export interface ListShape {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly count: number;
}

/** Part of a list that goes to `at` and on. */
interface Place {
  readonly name: string;
  readonly at: number;
}

/** From here on a number becomes infinity as float32: the largest float32 and half a step. */
const FP32_OVERFLOW = 2 ** 128 - 2 ** 103;

type Fill = (values: ArrayLike<unknown>, place: Place) => void;

/** @throws REQUEST_TENSOR, REQUEST_NOT_FINITE */
export function fillElements(data: unknown, list: ListShape): TensorData {
  if (!Array.isArray(data) && !(data instanceof Float64Array)) throw listError(list.name, 'its data is no list');
  const nested = Array.isArray(data[0]) && list.shape.length > 1;
  if (!nested && data.length !== list.count) {
    throw listError(list.name, `${data.length} elements of data, and its shape needs ${list.count}`);
  }
  const { target, fill } = filler(list.datatype, list.count);
  if (nested) fillNested({ list, fill }, data, { dimension: 0, at: 0 });
  else fill(data, { name: list.name, at: 0 });
  return target;
}

function fillNested(
  to: { readonly list: ListShape; readonly fill: Fill },
  values: unknown,
  from: { readonly dimension: number; readonly at: number },
): void {
  const { name, shape } = to.list;
  const { dimension, at } = from;
  const size = shape[dimension] ?? 0;
  if (!Array.isArray(values) || values.length !== size) {
    throw listError(name, `its nested data does not have the shape [${shape}] (dimension ${dimension})`);
  }
  if (dimension === shape.length - 1) {
    to.fill(values, { name, at });
    return;
  }
  const step = shape.slice(dimension + 1).reduce((product, length) => product * length, 1);
  for (let i = 0; i < size; i++) fillNested(to, values[i], { dimension: dimension + 1, at: at + i * step });
}

function filler(datatype: Datatype, count: number): { readonly target: TensorData; readonly fill: Fill } {
  switch (datatype) {
    case 'FP32': {
      const target = new Float32Array(count);
      return { target, fill: (values, place) => fillFloats(target, values, place) };
    }
    case 'FP64': {
      const target = new Float64Array(count);
      return { target, fill: (values, place) => fillFloats(target, values, place) };
    }
    case 'INT64': {
      const target = new BigInt64Array(count);
      return { target, fill: (values, place) => fillBigIntegers(target, values, place) };
    }
    case 'BOOL': {
      const target = new Uint8Array(count);
      return { target, fill: (values, place) => fillBooleans(target, values, place) };
    }
    default: {
      const target = integersOf(datatype, count);
      return { target, fill: (values, place) => fillIntegers(target, values, place) };
    }
  }
}

type IntegerArray = Uint8Array | Int8Array | Int16Array | Int32Array;

function integersOf(datatype: 'UINT8' | 'INT8' | 'INT16' | 'INT32', count: number): IntegerArray {
  switch (datatype) {
    case 'UINT8':
      return new Uint8Array(count);
    case 'INT8':
      return new Int8Array(count);
    case 'INT16':
      return new Int16Array(count);
    case 'INT32':
      return new Int32Array(count);
  }
}

function fillFloats(target: Float32Array | Float64Array, values: ArrayLike<unknown>, { name, at }: Place): void {
  const limit = target instanceof Float32Array ? FP32_OVERFLOW : Number.POSITIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value !== 'number') throw elementError(name, at + i, value);
    if (!(value < limit && value > -limit)) {
      throw new MillraceError('REQUEST_NOT_FINITE', { tensor: clip(name), index: at + i });
    }
    target[at + i] = value;
  }
}

/** A typed array wraps and truncates; a value that it changed was out of range or no integer. */
function fillIntegers(target: IntegerArray, values: ArrayLike<unknown>, { name, at }: Place): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value !== 'number') throw elementError(name, at + i, value);
    target[at + i] = value;
    if (target[at + i] !== value) throw elementError(name, at + i, value);
  }
}

function fillBigIntegers(target: BigInt64Array, values: ArrayLike<unknown>, { name, at }: Place): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value !== 'number') throw elementError(name, at + i, value);
    // Beyond 2^53 the parsed number need not be the one that was written: such INT64 go as Avro bytes.
    if (!Number.isSafeInteger(value)) throw elementError(name, at + i, value);
    target[at + i] = BigInt(value);
  }
}

function fillBooleans(target: Uint8Array, values: ArrayLike<unknown>, { name, at }: Place): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value !== true && value !== false && value !== 0 && value !== 1) throw elementError(name, at + i, value);
    target[at + i] = Number(value);
  }
}

function elementError(name: string, index: number, value: unknown): MillraceError {
  return listError(name, `element ${index} is ${shown(value)}, which its datatype cannot hold`);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `the text '${clip(value, 32)}'`;
  return Array.isArray(value) ? 'a list' : typeof value === 'object' && value !== null ? 'an object' : String(value);
}

function listError(tensor: string, detail: string): MillraceError {
  return new MillraceError('REQUEST_TENSOR', { tensor: clip(tensor), detail });
}
