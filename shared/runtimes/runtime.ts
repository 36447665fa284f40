// ModelRuntime: what turns a model file into answers. Lives inside a model's own child process, never on a Kafka thread.
// A new runtime is one file here and one line in `registry.ts`.

import type { ModelFormat } from '../domain/manifest.ts';
import type { Signature, Tensor } from '../domain/tensor.ts';

export interface ModelRuntime {
  /** Registry name, as manifests use it: `onnxruntime-node`, `tfjs-node`, `tfjs-wasm`, `tfjs-cpu`. */
  readonly id: string;
  /** Model formats it takes: `onnx`, `saved-model`, `tfjs-layers`, `tfjs-graph`. */
  readonly formats: readonly ModelFormat[];
  /** Imports the native library. @throws RUNTIME_UNAVAILABLE with what to install. */
  open(): Promise<OpenRuntime>;
}

export interface OpenRuntime {
  /** Name and version as carried in every prediction, e.g. `onnxruntime-node 1.30.0`. */
  readonly label: string;
  /** @param entry absolute path of the model's entry file or folder. @throws MODEL_LOAD_FAILED */
  load(entry: string, format: ModelFormat, signature: Signature): Promise<LoadedModel>;
}

export interface LoadedModel {
  /** Inputs in signature order, all with the same row count; outputs in signature order. Blocks its thread. */
  run(inputs: readonly Tensor[]): Promise<readonly Tensor[]>;
  dispose(): Promise<void>;
}
