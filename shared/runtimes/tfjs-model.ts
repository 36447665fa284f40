// tfjs model: TFJS layers and graph models behind LoadedModel, on whichever backend the library has selected.
// Invariant: every tensor that a run makes is disposed, also when the run throws (2 leaked tensors a call are 11 MB
// per 1,000 calls).

import { errorText, MillraceError } from '../domain/errors.ts';
import type { ModelFormat } from '../domain/manifest.ts';
import type { Datatype, Signature, Tensor, TensorSpec } from '../domain/tensor.ts';
import { bindTensors, type FileTensor, loadFailed } from './bind.ts';
import type { LoadedModel } from './runtime.ts';
import { readTfjsArtifacts } from './tfjs-artifacts.ts';
import type { TfGraphModel, TfLayersModel, TfLibrary, TfTensor, TfTensorInfo } from './tfjs-library.ts';

/** tfjs has no 64-bit and no narrow integer tensors. */
const TF_TYPES: Partial<Record<Datatype, string>> = { FP32: 'float32', INT32: 'int32', BOOL: 'bool' };

/** Loads `model.json`, of the kind that the package says. @throws MODEL_LOAD_FAILED */
export async function loadTfjs(
  tf: TfLibrary,
  entry: string,
  want: { readonly format: ModelFormat; readonly signature: Signature },
): Promise<LoadedModel> {
  checkTypes(want.signature);
  const artifacts = await readTfjsArtifacts(entry);
  try {
    const handler = tf.io.fromMemorySync(artifacts);
    return want.format === 'tfjs-layers'
      ? bindLayers(tf, await tf.loadLayersModel(handler), want.signature)
      : bindGraph(tf, await tf.loadGraphModel(handler), want.signature);
  } catch (error) {
    throw error instanceof MillraceError ? error : loadFailed(errorText(error), error);
  }
}

/** @throws MODEL_LOAD_FAILED when a tensor has a type that tfjs lacks */
export function checkTypes(signature: Signature): void {
  const bad = [...signature.inputs, ...signature.outputs].find((spec) => TF_TYPES[spec.datatype] === undefined);
  if (bad !== undefined) throw loadFailed(`'${bad.name}' is ${bad.datatype}; tfjs has FP32, INT32 and BOOL`);
}

function bindLayers(tf: TfLibrary, model: TfLayersModel, signature: Signature): LoadedModel {
  const describe = (names: readonly string[], infos: readonly TfTensorInfo[]) =>
    infos.map((info, index) => ({ ...fileTensor(names[index] ?? info.name, info), index }));
  const inputs = bindTensors(signature.inputs, describe(model.inputNames, model.inputs), {
    side: 'input',
    extras: false,
  });
  const outputs = bindTensors(signature.outputs, describe(model.outputNames, model.outputs), {
    side: 'output',
    extras: true,
  });
  return {
    run: async (tensors) =>
      runDisposing(tf, tensors, (feeds, keep) => {
        const ordered: TfTensor[] = [];
        inputs.forEach((input, index) => {
          const feed = feeds[index];
          if (feed !== undefined) ordered[input.index] = feed;
        });
        const answers = keep(model.predictOnBatch(ordered));
        return signature.outputs.map((spec, index) => toTensor(spec, answers[outputs[index]?.index ?? 0]));
      }),
    dispose: async () => {
      model.dispose();
    },
  };
}

function bindGraph(tf: TfLibrary, model: TfGraphModel, signature: Signature): LoadedModel {
  const inputs = bindTensors(signature.inputs, graphTensors(model.modelSignature?.inputs, model.inputs), {
    side: 'input',
    extras: false,
  });
  const outputs = bindTensors(signature.outputs, graphTensors(model.modelSignature?.outputs, model.outputs), {
    side: 'output',
    extras: true,
  });
  const fetches = outputs.map((output) => output.node);
  return {
    run: async (tensors) =>
      runDisposing(tf, tensors, (feeds, keep) => {
        const named = Object.fromEntries(feeds.map((feed, index) => [inputs[index]?.node ?? '', feed]));
        const answers = keep(model.execute(named, fetches));
        return signature.outputs.map((spec, index) => toTensor(spec, answers[index]));
      }),
    dispose: async () => {
      model.dispose();
    },
  };
}

/** Graph tensors under their signature names where the file has them, else under their node names. */
function graphTensors(
  named: object | undefined,
  nodes: readonly TfTensorInfo[],
): readonly (FileTensor & { readonly node: string })[] {
  const entries = Object.entries((named ?? {}) as Record<string, TfTensorInfo>);
  if (entries.length !== nodes.length)
    return nodes.map((info) => ({ ...fileTensor(info.name, info), node: info.name }));
  return entries.map(([name, { name: node }]) => {
    const info = nodes.find((candidate) => candidate.name === node.replace(/:0$/, ''));
    return { ...fileTensor(name, info ?? { name }), node };
  });
}

function fileTensor(name: string, info: TfTensorInfo): FileTensor {
  const found = Object.entries(TF_TYPES).find(([, type]) => type === info.dtype);
  const shape = Array.isArray(info.shape) ? info.shape.map(dimension) : null;
  return { name, datatype: (found?.[0] as Datatype | undefined) ?? null, shape };
}

function dimension(size: unknown): number | null {
  return typeof size === 'number' && size >= 0 ? size : null;
}

/** Makes the inputs, runs, and disposes all of it. `keep` takes note of outputs. */
export function runDisposing(
  tf: TfLibrary,
  tensors: readonly Tensor[],
  run: (feeds: readonly TfTensor[], keep: (made: TfTensor | readonly TfTensor[]) => readonly TfTensor[]) => Tensor[],
): readonly Tensor[] {
  const made: TfTensor[] = [];
  try {
    const feeds = tensors.map((tensor) => {
      const feed = tf.tensor(tensor.data, tensor.shape, TF_TYPES[tensor.datatype] ?? '');
      made.push(feed);
      return feed;
    });
    return run(feeds, (answers) => {
      const list = Array.isArray(answers) ? answers : [answers];
      made.push(...list);
      return list;
    });
  } finally {
    for (const tensor of new Set(made)) tensor.dispose();
  }
}

/** A tfjs tensor's values under the signature's name. Its type is its own: the caller compares. */
export function toTensor(spec: TensorSpec, tensor: TfTensor | undefined): Tensor {
  if (tensor === undefined) throw new MillraceError('ASSERTION', { detail: `no output ${spec.name}` });
  const found = Object.entries(TF_TYPES).find(([, type]) => type === tensor.dtype);
  const datatype = (found?.[0] as Datatype | undefined) ?? 'FP32';
  return { name: spec.name, datatype, shape: tensor.shape, data: tensor.dataSync() };
}
