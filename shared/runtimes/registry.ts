// Registry of runtimes: the order is the order of preference when a package allows several.
// A new runtime is one file and one line here; contract tests, `millrace model pack` and its help follow.

import { MillraceError } from '../domain/errors.ts';
import type { ModelFormat } from '../domain/manifest.ts';
import { onnxruntimeNode } from './onnxruntime-node.ts';
import type { ModelRuntime } from './runtime.ts';
import { tfjsCpu } from './tfjs-cpu.ts';
import { tfjsNode } from './tfjs-node.ts';
import { tfjsWasm } from './tfjs-wasm.ts';

export const RUNTIMES: readonly ModelRuntime[] = [onnxruntimeNode, tfjsNode, tfjsWasm, tfjsCpu];

/** Ids of the runtimes that take `format`, in order of preference: the default of a package. */
export function runtimesFor(format: ModelFormat): readonly string[] {
  return RUNTIMES.filter((runtime) => runtime.formats.includes(format)).map((runtime) => runtime.id);
}

/** @throws RUNTIME_UNKNOWN when there is no such runtime among `runtimes`, or it does not take `format` */
export function findRuntime(
  id: string,
  format: ModelFormat,
  runtimes: readonly ModelRuntime[] = RUNTIMES,
): ModelRuntime {
  const found = runtimes.find((runtime) => runtime.id === id && runtime.formats.includes(format));
  if (found === undefined) throw new MillraceError('RUNTIME_UNKNOWN', { runtime: id, format });
  return found;
}
