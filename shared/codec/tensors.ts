// Tensors: what a payload claims of its tensors, believed only after every check against the signature.
// Flow: oip-json.ts and avro.ts parse bytes to claims → [arrangeInputs] → the scorer's tensors.
// Invariants: nothing is allocated before the elements are known to be there; numbers come out exact for their
//       datatype or not at all (FP32 rounds); no NaN, no infinity.

import { endianness } from 'node:os';
import { assert, MillraceError } from '../domain/errors.ts';
import type { Bytes } from '../domain/record.ts';
import {
  DATATYPE_BYTES,
  type Datatype,
  rowElements,
  type Signature,
  type Tensor,
  type TensorData,
  type TensorSpec,
} from '../domain/tensor.ts';
import { fillElements } from './elements.ts';
import type { DecodeLimits } from './payload-codec.ts';
import { clip } from './text.ts';

/** A tensor as it came: nothing of it is known to be what the type says, but for the strings. */
export interface TensorClaim {
  readonly name: string;
  readonly datatype: string;
  readonly shape: unknown;
  /** Little-endian bytes, or a flat or nested list. */
  readonly data: unknown;
}

export interface ArrangedInputs {
  readonly rows: number;
  readonly inputs: readonly Tensor[];
}

/** What a claim is checked against. */
export interface TensorBounds extends DecodeLimits {
  /** Bytes of the payload: a list of n elements takes at least n of them. */
  readonly payloadBytes: number;
}

assert(endianness() === 'LE', 'Millrace reads tensors as little-endian views and needs a little-endian machine');

/**
 * The tensors of a signature's inputs, in its order.
 * @throws REQUEST_TENSOR, REQUEST_NOT_FINITE, REQUEST_TOO_MANY_ROWS
 */
export function arrangeInputs(
  claims: readonly TensorClaim[],
  signature: Signature,
  bounds: TensorBounds,
): ArrangedInputs {
  const specs = signature.inputs;
  const inputs = specs.map((spec) => readTensor(claimOf(claims, spec.name), spec, bounds));
  if (claims.length !== specs.length) throw unknownTensor(claims, specs);
  const rows = inputs[0]?.shape[0] ?? 0;
  for (const { name, shape } of inputs) {
    if (shape[0] !== rows) throw tensorError(name, `it has ${shape[0]} rows, and ${inputs[0]?.name} has ${rows}`);
  }
  return { rows, inputs };
}

/** One tensor, checked. @throws REQUEST_TENSOR, REQUEST_NOT_FINITE, REQUEST_TOO_MANY_ROWS */
export function readTensor(claim: TensorClaim, spec: TensorSpec, bounds: TensorBounds): Tensor {
  const { name, datatype } = spec;
  if (claim.datatype !== datatype) throw tensorError(name, `datatype ${clip(claim.datatype)}, not ${datatype}`);
  const shape = checkShape(claim.shape, spec, bounds);
  const count = (shape[0] ?? 0) * rowElements(shape);
  const data = claim.data;
  if (data instanceof Uint8Array) return { name, datatype, shape, data: elementsOfBytes(data, { spec, count }) };
  if (count > bounds.payloadBytes) throw tensorError(name, `shape [${shape}] needs ${count} elements`);
  return { name, datatype, shape, data: fillElements(data, { name, datatype, shape, count }) };
}

/** Little-endian bytes of a tensor, a view. */
export function tensorBytes(tensor: Tensor): Buffer {
  const { buffer, byteOffset, byteLength } = tensor.data;
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** REQUEST_TENSOR with the tensor's name. */
export function tensorError(tensor: string, detail: string): MillraceError {
  return new MillraceError('REQUEST_TENSOR', { tensor: clip(tensor), detail });
}

function claimOf(claims: readonly TensorClaim[], name: string): TensorClaim {
  let found: TensorClaim | null = null;
  for (const claim of claims) {
    if (claim.name !== name) continue;
    if (found !== null) throw tensorError(name, 'it is given twice');
    found = claim;
  }
  if (found === null) throw tensorError(name, `it is missing (given: ${listed(claims)})`);
  return found;
}

function unknownTensor(claims: readonly TensorClaim[], specs: readonly TensorSpec[]): MillraceError {
  const extra = claims.find((claim) => !specs.some((spec) => spec.name === claim.name));
  return tensorError(extra?.name ?? '', `the endpoint takes no such tensor (it takes: ${listed(specs)})`);
}

function listed(named: readonly { readonly name: string }[]): string {
  return clip(named.map(({ name }) => name).join(', '), 256) || 'none';
}

function checkShape(claimed: unknown, spec: TensorSpec, bounds: DecodeLimits): readonly number[] {
  const { name, shape } = spec;
  if (!isIntegers(claimed)) throw tensorError(name, 'its shape is no list of integers');
  if (claimed.length === shape.length - 1 && claimed.every((size, at) => size === shape[at + 1])) {
    throw tensorError(name, `shape [${claimed}] is one row without its batch dimension: send [1${follow(claimed)}]`);
  }
  if (claimed.length !== shape.length || claimed.some((size, at) => at > 0 && size !== shape[at])) {
    throw tensorError(name, `shape [${clip(claimed.join())}], not [${shape}] (-1: the number of rows)`);
  }
  const rows = claimed[0] ?? 0;
  if (rows < 1) throw tensorError(name, `${rows} rows`);
  if (rows > bounds.rowsMax) throw new MillraceError('REQUEST_TOO_MANY_ROWS', { rows, limit: bounds.rowsMax });
  return claimed;
}

function follow(shape: readonly number[]): string {
  return shape.map((size) => `,${size}`).join('');
}

function isIntegers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(Number.isSafeInteger);
}

interface Expected {
  readonly spec: TensorSpec;
  readonly count: number;
}

/** A view where there are many bytes and they are aligned, else a copy. */
function elementsOfBytes(bytes: Bytes, { spec, count }: Expected): TensorData {
  const { name, datatype } = spec;
  const size = DATATYPE_BYTES[datatype];
  if (bytes.length !== count * size) {
    throw tensorError(name, `${bytes.length} bytes of data, and its shape needs ${count * size}`);
  }
  if (datatype === 'BOOL') {
    const at = bytes.findIndex((byte) => byte > 1);
    if (at >= 0) throw tensorError(name, `element ${at} is ${bytes[at]}; a BOOL is 0 or 1`);
  }
  const data =
    datatype === 'FP32' && bytes.length <= SMALL_BYTES
      ? smallFloats(bytes, count)
      : viewOf(datatype, bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes), count);
  if (data instanceof Float32Array || data instanceof Float64Array) {
    for (let i = 0; i < data.length; i++) {
      if (!Number.isFinite(data[i])) throw new MillraceError('REQUEST_NOT_FINITE', { tensor: clip(name), index: i });
    }
  }
  return data;
}

/** Typed arrays of so many bytes the engine keeps in its own heap, until their buffer is asked for. */
const SMALL_BYTES = 64;
const scratch = new Uint8Array(SMALL_BYTES);
const scratchFloats = new Float32Array(scratch.buffer);

/** A copy: a few scores of an answer cost less than a view of them does. */
function smallFloats(bytes: Bytes, count: number): Float32Array {
  for (let at = 0; at < bytes.length; at++) scratch[at] = bytes[at] ?? 0;
  const floats = new Float32Array(count);
  for (let at = 0; at < count; at++) floats[at] = scratchFloats[at] ?? 0;
  return floats;
}

function viewOf(datatype: Datatype, { buffer, byteOffset }: Bytes, count: number): TensorData {
  switch (datatype) {
    case 'BOOL':
    case 'UINT8':
      return new Uint8Array(buffer, byteOffset, count);
    case 'INT8':
      return new Int8Array(buffer, byteOffset, count);
    case 'INT16':
      return new Int16Array(buffer, byteOffset, count);
    case 'INT32':
      return new Int32Array(buffer, byteOffset, count);
    case 'INT64':
      return new BigInt64Array(buffer, byteOffset, count);
    case 'FP32':
      return new Float32Array(buffer, byteOffset, count);
    case 'FP64':
      return new Float64Array(buffer, byteOffset, count);
  }
}
