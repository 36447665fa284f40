// Rows: many requests' tensors laid into one batch, and a batch's outputs cut back into per-request pieces.
// Invariant: order of requests is kept; a request of n rows gets exactly its n rows back.

import { assert } from '../domain/errors.ts';
import { rowElements, type Signature, type Tensor, type TensorData } from '../domain/tensor.ts';

/** One request's checked inputs, in signature order, all with `rows` rows. */
export interface RowBlock {
  readonly rows: number;
  readonly inputs: readonly Tensor[];
}

/** Lays blocks one after the other: per input one tensor of shape [sum of rows, …]. A single block passes as it is. */
export function joinRows(blocks: readonly RowBlock[]): readonly Tensor[] {
  const first = blocks[0];
  assert(first !== undefined, 'a batch has at least one block');
  if (blocks.length === 1) return first.inputs;
  const rows = rowsOf(blocks);
  return first.inputs.map((input, index) => {
    const elements = rowElements(input.shape);
    const data = allocateLike(input.data, rows * elements);
    let offset = 0;
    for (const block of blocks) {
      const part = block.inputs[index];
      assert(part !== undefined, 'all blocks have the same inputs');
      copyInto(data, part.data, offset);
      offset += block.rows * elements;
    }
    return { name: input.name, datatype: input.datatype, shape: [rows, ...input.shape.slice(1)], data };
  });
}

/** Cuts a batch's outputs into one list of tensors per block (views, not copies). */
export function splitRows(outputs: readonly Tensor[], blocks: readonly RowBlock[]): (readonly Tensor[])[] {
  let row = 0;
  return blocks.map((block) => {
    const from = row;
    row += block.rows;
    return outputs.map((output) => {
      const elements = rowElements(output.shape);
      const data = output.data.subarray(from * elements, row * elements);
      return { name: output.name, datatype: output.datatype, shape: [block.rows, ...output.shape.slice(1)], data };
    });
  });
}

/** Sum of rows. */
export function rowsOf(blocks: readonly RowBlock[]): number {
  return blocks.reduce((total, block) => total + block.rows, 0);
}

/**
 * What a batch's outputs break of the signature, or null. Checked before anything is cut or answered.
 * Finiteness is a matter of single requests: see `notFinite`.
 */
export function outputProblem(outputs: readonly Tensor[], signature: Signature, rows: number): string | null {
  if (outputs.length !== signature.outputs.length) return `${outputs.length} outputs`;
  for (const [index, spec] of signature.outputs.entries()) {
    const output = outputs[index];
    if (output === undefined || output.name !== spec.name) return `output ${index} is not '${spec.name}'`;
    if (output.datatype !== spec.datatype) return `output '${spec.name}' is ${output.datatype}`;
    if (output.shape[0] !== rows) return `output '${spec.name}' has ${output.shape[0]} rows for ${rows}`;
    if (output.data.length !== rows * rowElements(output.shape)) return `output '${spec.name}' has a wrong length`;
  }
  return null;
}

/** Name of the first tensor that holds NaN or infinity, or null. */
export function notFinite(tensors: readonly Tensor[]): string | null {
  for (const tensor of tensors) {
    if (!(tensor.data instanceof Float32Array || tensor.data instanceof Float64Array)) continue;
    for (let i = 0; i < tensor.data.length; i++) if (!Number.isFinite(tensor.data[i])) return tensor.name;
  }
  return null;
}

function allocateLike(data: TensorData, length: number): TensorData {
  if (data instanceof Float32Array) return new Float32Array(length);
  if (data instanceof Float64Array) return new Float64Array(length);
  if (data instanceof BigInt64Array) return new BigInt64Array(length);
  if (data instanceof Int32Array) return new Int32Array(length);
  if (data instanceof Int16Array) return new Int16Array(length);
  if (data instanceof Int8Array) return new Int8Array(length);
  return new Uint8Array(length);
}

function copyInto(target: TensorData, part: TensorData, offset: number): void {
  if (target instanceof BigInt64Array) {
    assert(part instanceof BigInt64Array, 'blocks agree in datatype');
    target.set(part, offset);
  } else {
    assert(!(part instanceof BigInt64Array), 'blocks agree in datatype');
    target.set(part, offset);
  }
}
