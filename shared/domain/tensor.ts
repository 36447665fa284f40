// Tensor: named, typed, shaped numbers, in the terms of the Open Inference Protocol v2.
// Source: https://github.com/kserve/open-inference-protocol (inference_rest.md, tensor data types).

import { z } from 'zod';

/** Datatypes that Millrace scores. BYTES, FP16 and BF16 are refused by name when a model is packed. */
export const DATATYPES = ['BOOL', 'UINT8', 'INT8', 'INT16', 'INT32', 'INT64', 'FP32', 'FP64'] as const;
export type Datatype = (typeof DATATYPES)[number];

export type TensorData = Uint8Array | Int8Array | Int16Array | Int32Array | BigInt64Array | Float32Array | Float64Array;

/** Bytes of one element. BOOL is one byte, 0 or 1. */
export const DATATYPE_BYTES: Readonly<Record<Datatype, number>> = {
  BOOL: 1,
  UINT8: 1,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP32: 4,
  FP64: 8,
};

/** `shape[0]` is the batch dimension (rows); `data` is row-major and has exactly the product of `shape` elements. */
export interface Tensor {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

export const tensorSpecSchema = z.strictObject({
  name: z.string().min(1).max(128),
  datatype: z.enum(DATATYPES),
  /** First entry −1: the batch dimension. The others are ≥ 1. */
  shape: z.array(z.int()).min(1).max(8).readonly(),
});
export type TensorSpec = Readonly<z.infer<typeof tensorSpecSchema>>;

/** What a model takes and gives. Every version of an endpoint has the same one. */
export const signatureSchema = z.strictObject({
  inputs: z.array(tensorSpecSchema).min(1).max(32).readonly(),
  outputs: z.array(tensorSpecSchema).min(1).max(32).readonly(),
});
export type Signature = Readonly<z.infer<typeof signatureSchema>>;

/** Elements of one row: the product of all dimensions but the first. */
export function rowElements(shape: readonly number[]): number {
  let elements = 1;
  for (let dimension = 1; dimension < shape.length; dimension++) elements *= shape[dimension] ?? 1;
  return elements;
}

/** The first difference between two signatures in words, or null when a model of one can serve the other. */
export function signatureMismatch(expected: Signature, actual: Signature): string | null {
  return (
    specMismatch('input', expected.inputs, actual.inputs) ?? specMismatch('output', expected.outputs, actual.outputs)
  );
}

function specMismatch(side: string, expected: readonly TensorSpec[], actual: readonly TensorSpec[]): string | null {
  if (expected.length !== actual.length) return `${actual.length} ${side}s instead of ${expected.length}`;
  for (const spec of expected) {
    const other = actual.find((candidate) => candidate.name === spec.name);
    if (other === undefined) return `${side} '${spec.name}' is missing`;
    if (other.datatype !== spec.datatype) return `${side} '${spec.name}' is ${other.datatype}, not ${spec.datatype}`;
    if (other.shape.join() !== spec.shape.join()) {
      return `${side} '${spec.name}' has shape [${other.shape}], not [${spec.shape}]`;
    }
  }
  return null;
}
