// Golden check: does this runtime compute, on this machine, what the packer recorded?
// Invariant: a model whose golden sample fails, or whose golden output is NaN or infinite, never becomes READY.

import { MillraceError } from '../domain/errors.ts';
import type { GoldenSample } from '../domain/manifest.ts';
import {
  type Datatype,
  rowElements,
  type Signature,
  type Tensor,
  type TensorData,
  type TensorSpec,
} from '../domain/tensor.ts';
import { firstNonFinite, tensorsProblem } from './check-tensors.ts';
import type { LoadedModel } from './runtime.ts';

/** @throws GOLDEN_MISMATCH with the sample and the element; MODEL_LOAD_FAILED when a sample does not fit the signature */
export async function checkGolden(
  model: LoadedModel,
  signature: Signature,
  samples: readonly GoldenSample[],
): Promise<void> {
  for (const [sample, golden] of samples.entries()) {
    const inputs = goldenTensors(signature.inputs, golden.inputs, sample);
    const outputs = await model.run(inputs);
    const mismatch = (detail: string) => new MillraceError('GOLDEN_MISMATCH', { sample, detail });
    const problem = tensorsProblem(signature.outputs, outputs, inputs[0]?.shape[0] ?? 0);
    if (problem !== null) throw mismatch(problem);
    outputs.forEach((output, index) => {
      const difference = goldenDifference(output, golden.outputs[index] ?? [], golden);
      if (difference !== null) throw mismatch(difference);
    });
  }
}

/** The first element that is not `|a − b| ≤ atol + rtol·|b|`, in words, or null. */
export function goldenDifference(
  output: Tensor,
  expected: readonly number[],
  tolerance: { readonly atol: number; readonly rtol: number },
): string | null {
  if (expected.length !== output.data.length) {
    return `'${output.name}' has ${output.data.length} elements, not ${expected.length}`;
  }
  const broken = firstNonFinite(output);
  if (broken >= 0) return `'${output.name}' is NaN or infinite at element ${broken}`;
  for (const [index, want] of expected.entries()) {
    const got = Number(output.data[index]);
    if (!(Math.abs(got - want) <= tolerance.atol + tolerance.rtol * Math.abs(want))) {
      return `'${output.name}' is ${got} at element ${index}, not ${want}`;
    }
  }
  return null;
}

/** A sample's numbers as tensors. @throws GOLDEN_MISMATCH when they do not fit */
export function goldenTensors(
  specs: readonly TensorSpec[],
  values: readonly (readonly number[])[],
  sample: number,
): readonly Tensor[] {
  const rows = (values[0]?.length ?? 0) / rowElements(specs[0]?.shape ?? [0]);
  const tensors = specs.map((spec, index) => ({
    name: spec.name,
    datatype: spec.datatype,
    shape: [rows, ...spec.shape.slice(1)],
    data: typedData(spec.datatype, values[index] ?? []),
  }));
  const whole = Number.isInteger(rows) && rows > 0 && values.length === specs.length;
  const problem = whole ? tensorsProblem(specs, tensors, rows) : 'its inputs are not whole rows of the signature';
  if (problem !== null) throw new MillraceError('GOLDEN_MISMATCH', { sample, detail: problem });
  return tensors;
}

/** Numbers as the typed array of `datatype`. INT64 takes whole numbers only. */
export function typedData(datatype: Datatype, values: readonly number[]): TensorData {
  switch (datatype) {
    case 'BOOL':
    case 'UINT8':
      return Uint8Array.from(values);
    case 'INT8':
      return Int8Array.from(values);
    case 'INT16':
      return Int16Array.from(values);
    case 'INT32':
      return Int32Array.from(values);
    case 'INT64':
      return BigInt64Array.from(values, (value) => BigInt(Math.trunc(value)));
    case 'FP32':
      return Float32Array.from(values);
    case 'FP64':
      return Float64Array.from(values);
  }
}
