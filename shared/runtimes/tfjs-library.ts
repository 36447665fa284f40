// tfjs library: the few names of TensorFlow.js that the tfjs runtimes use, whichever package carries them.
// Why our own types: all tfjs packages are optional, and the house must compile without them.

import { createRequire } from 'node:module';
import { errorText, MillraceError } from '../domain/errors.ts';

export interface TfTensor {
  readonly shape: readonly number[];
  readonly dtype: string;
  dataSync(): Float32Array | Int32Array | Uint8Array;
  dispose(): void;
}

export interface TfTensorInfo {
  readonly name: string;
  readonly dtype?: string;
  /** TensorFlow's own type (SavedModel only), e.g. `DT_INT64`. */
  readonly tfDtype?: string;
  readonly shape?: unknown;
}

export interface TfLayersModel {
  readonly inputs: readonly TfTensorInfo[];
  readonly outputs: readonly TfTensorInfo[];
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  predictOnBatch(inputs: readonly TfTensor[]): TfTensor | TfTensor[];
  dispose(): unknown;
}

export interface TfGraphModel {
  readonly inputs: readonly TfTensorInfo[];
  readonly outputs: readonly TfTensorInfo[];
  readonly modelSignature: { readonly inputs?: object; readonly outputs?: object } | undefined;
  execute(inputs: Readonly<Record<string, TfTensor>>, outputs: readonly string[]): TfTensor | TfTensor[];
  dispose(): void;
}

export interface TfSavedModel {
  readonly signature?: { readonly inputs: object; readonly outputs: object };
  predict(inputs: Readonly<Record<string, TfTensor>>): Readonly<Record<string, TfTensor>>;
  dispose(): void;
}

export interface TfLibrary {
  tensor(data: unknown, shape: readonly number[], dtype: string): TfTensor;
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  getBackend(): string;
  memory(): { readonly numTensors: number };
  readonly io: { fromMemorySync(artifacts: unknown): unknown };
  loadLayersModel(handler: unknown, options?: { readonly strict: boolean }): Promise<TfLayersModel>;
  loadGraphModel(handler: unknown): Promise<TfGraphModel>;
}

/** What only tfjs-node has. */
export interface TfNodeLibrary extends TfLibrary {
  readonly version: Readonly<Record<string, string>>;
  backend(): { readonly binding?: { readonly TF_Version?: string } };
  readonly node: {
    loadSavedModel(path: string, tags: readonly string[], signature: string): Promise<TfSavedModel>;
    getMetaGraphsFromSavedModel(path: string): Promise<readonly TfMetaGraph[]>;
  };
}

export interface TfMetaGraph {
  readonly tags: readonly string[];
  readonly signatureDefs: Readonly<Record<string, TfSignatureDef>>;
}

export interface TfSignatureDef {
  readonly inputs: Readonly<Record<string, TfTensorInfo>>;
  readonly outputs: Readonly<Record<string, TfTensorInfo>>;
}

const require = createRequire(import.meta.url);

/** A package's exports, or its version with `/package.json`. @throws RUNTIME_UNAVAILABLE with what to install */
export function requireOptional(runtime: string, name: string, install: string): unknown {
  try {
    return require(name);
  } catch (error) {
    const detail = `${errorText(error).split('\n', 1)[0]} (${install})`;
    throw new MillraceError('RUNTIME_UNAVAILABLE', { runtime, detail }, error);
  }
}

/** Absolute path of a file of a package. */
export function resolveFile(name: string): string {
  return require.resolve(name);
}

/** tfjs-core with the two model kinds; the caller adds and selects a backend. @throws RUNTIME_UNAVAILABLE */
export function requireTf(runtime: string): TfLibrary {
  const part = (name: string) => requireOptional(runtime, name, `npm install ${name}`) as object;
  return {
    ...part('@tensorflow/tfjs-core'),
    ...part('@tensorflow/tfjs-layers'),
    ...part('@tensorflow/tfjs-converter'),
  } as TfLibrary;
}
