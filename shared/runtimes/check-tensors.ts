// Check tensors: do these have the names, types, shapes and lengths that the signature says, and one row count?
// Used on both sides: the worker before it sends, the model's process on what the model gave.

import { rowElements, type Tensor, type TensorSpec } from '../domain/tensor.ts';

/** The first difference in words, or null. With `rows`, that row count is required. */
export function tensorsProblem(specs: readonly TensorSpec[], tensors: readonly Tensor[], rows: number): string | null {
  if (tensors.length !== specs.length) return `${tensors.length} tensors, not ${specs.length}`;
  for (const [index, spec] of specs.entries()) {
    const tensor = tensors[index];
    if (tensor === undefined || tensor.name !== spec.name) return `tensor ${index} is not '${spec.name}'`;
    if (tensor.datatype !== spec.datatype) return `'${spec.name}' is ${tensor.datatype}, not ${spec.datatype}`;
    const shape = [rows, ...spec.shape.slice(1)];
    if (tensor.shape.join() !== shape.join()) return `'${spec.name}' has shape [${tensor.shape}], not [${shape}]`;
    const elements = rowElements(spec.shape) * rows;
    if (tensor.data.length !== elements) return `'${spec.name}' has ${tensor.data.length} elements, not ${elements}`;
  }
  return null;
}

/** Index of the first NaN or infinity, or −1. */
export function firstNonFinite(tensor: Tensor): number {
  const { data } = tensor;
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return -1;
  return data.findIndex((value: number) => !Number.isFinite(value));
}
