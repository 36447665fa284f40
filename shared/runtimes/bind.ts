// Bind: which tensor of a model file is meant by each name of the package's signature.
// Flow: a runtime's `load` → here → feeds and fetches by the file's own names. No runtime guesses at scoring time.
// Invariant: every input of the file is fed by exactly one of the signature; types and fixed dimensions agree.

import { MillraceError } from '../domain/errors.ts';
import type { Datatype, TensorSpec } from '../domain/tensor.ts';

/** A tensor as a model file states it. `null` where the file does not say; a dimension of null is any size. */
export interface FileTensor {
  readonly name: string;
  readonly datatype: Datatype | null;
  readonly shape: readonly (number | null)[] | null;
}

/**
 * The file's tensors in signature order: by name, or, when there is just one on either side, that one whatever its name
 * (exporters rename tensors; two versions of an endpoint must still have the same signature).
 * `extras` says whether the file may have more than the signature (outputs may, inputs may not).
 * @throws MODEL_LOAD_FAILED with the first difference
 */
export function bindTensors<T extends FileTensor>(
  wanted: readonly TensorSpec[],
  found: readonly T[],
  options: { readonly side: 'input' | 'output'; readonly extras: boolean },
): readonly T[] {
  if (found.length > wanted.length && !options.extras) {
    throw loadFailed(`the file has ${found.length} ${options.side}s (${names(found)}), not ${wanted.length}`);
  }
  return wanted.map((spec) => {
    const only = wanted.length === 1 && found.length === 1 ? found[0] : undefined;
    const match = found.find((tensor) => tensor.name === spec.name) ?? only;
    if (match === undefined) throw loadFailed(`the file has no ${options.side} '${spec.name}', only ${names(found)}`);
    checkFits(spec, match, options.side);
    return match;
  });
}

function checkFits(spec: TensorSpec, found: FileTensor, side: string): void {
  if (found.datatype !== null && found.datatype !== spec.datatype) {
    throw loadFailed(`${side} '${found.name}' is ${found.datatype} in the file, not ${spec.datatype}`);
  }
  if (found.shape === null) return;
  const rank = found.shape.length === spec.shape.length;
  const fits = rank && found.shape.every((size, index) => size === null || index === 0 || size === spec.shape[index]);
  if (!fits)
    throw loadFailed(`${side} '${found.name}' has shape [${shapeText(found.shape)}] in the file, not [${spec.shape}]`);
  const rows = found.shape[0];
  if (typeof rows === 'number' && rows > 0) {
    throw loadFailed(`${side} '${found.name}' has the fixed batch size ${rows}: export it with a free one`);
  }
}

/** What a runtime says of a file that it does not take; the model's process adds endpoint and version. */
export function loadFailed(detail: string, cause?: unknown): MillraceError {
  return new MillraceError('MODEL_LOAD_FAILED', { detail: detail.slice(0, 2_000) }, cause);
}

function names(tensors: readonly FileTensor[]): string {
  return tensors.map((tensor) => `'${tensor.name}'`).join(', ') || 'none';
}

function shapeText(shape: readonly (number | null)[]): string {
  return shape.map((size) => size ?? '?').join();
}
