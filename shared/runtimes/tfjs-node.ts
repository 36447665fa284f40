// tfjs-node: TensorFlow's own C library: SavedModels, TFJS layers and graph models.
// The addon is built by `npm run setup:tensorflow`; without it this runtime is unavailable and the next one is tried.
// Invariant: what it changes of its process (environment, `util`) it changes in the model's child process only.

import { createRequire } from 'node:module';
import { errorText, MillraceError } from '../domain/errors.ts';
import type { Signature } from '../domain/tensor.ts';
import { bindTensors, type FileTensor, loadFailed } from './bind.ts';
import type { LoadedModel, ModelRuntime, OpenRuntime } from './runtime.ts';
import { refuseFileAccess } from './saved-model-access.ts';
import { requireOptional, type TfNodeLibrary, type TfSignatureDef, type TfTensorInfo } from './tfjs-library.ts';
import { checkTypes, loadTfjs, runDisposing, toTensor } from './tfjs-model.ts';

const SERVE_TAG = 'serve';
const SERVING_SIGNATURE = 'serving_default';

export const tfjsNode: ModelRuntime = {
  id: 'tfjs-node',
  formats: ['saved-model', 'tfjs-layers', 'tfjs-graph'],
  open: openTfjsNode,
};

async function openTfjsNode(): Promise<OpenRuntime> {
  restoreUtil();
  const install = 'npm run setup:tensorflow';
  const tf = requireOptional('tfjs-node', '@tensorflow/tfjs-node', install) as TfNodeLibrary;
  if (!(await tf.setBackend('tensorflow'))) {
    throw new MillraceError('RUNTIME_UNAVAILABLE', { runtime: 'tfjs-node', detail: 'its backend does not start' });
  }
  await tf.ready();
  const native = tf.backend().binding?.TF_Version ?? 'unknown';
  return {
    label: `tfjs-node ${tf.version['tfjs-node']} (TensorFlow ${native})`,
    load: (entry, format, signature) =>
      format === 'saved-model' ? loadSavedModel(tf, entry, signature) : loadTfjs(tf, entry, { format, signature }),
  };
}

/** tfjs-node 4.22.0 calls functions that Node 23 removed from `util` (tfjs pull request 8425, merged, never released). */
function restoreUtil(): void {
  const util: Record<string, unknown> = createRequire(import.meta.url)('node:util');
  const removed: Readonly<Record<string, (value: unknown) => boolean>> = {
    isNullOrUndefined: (value) => value === null || value === undefined,
    isArray: Array.isArray,
    isString: (value) => typeof value === 'string',
    isNumber: (value) => typeof value === 'number',
    isBoolean: (value) => typeof value === 'boolean',
    isObject: (value) => typeof value === 'object' && value !== null,
    isFunction: (value) => typeof value === 'function',
    isUndefined: (value) => value === undefined,
    isNull: (value) => value === null,
  };
  for (const [name, replacement] of Object.entries(removed)) util[name] ??= replacement;
}

async function loadSavedModel(tf: TfNodeLibrary, folder: string, signature: Signature): Promise<LoadedModel> {
  checkTypes(signature);
  await refuseFileAccess(folder);
  const served = await servingSignature(tf, folder);
  const inputs = bindTensors(signature.inputs, named(served.inputs), { side: 'input', extras: false });
  const outputs = bindTensors(signature.outputs, named(served.outputs), { side: 'output', extras: true });
  const model = await tf.node.loadSavedModel(folder, [SERVE_TAG], SERVING_SIGNATURE).catch((error: unknown) => {
    throw loadFailed(errorText(error), error);
  });
  return {
    run: async (tensors) =>
      runDisposing(tf, tensors, (feeds, keep) => {
        const named = Object.fromEntries(feeds.map((feed, index) => [inputs[index]?.name ?? '', feed]));
        const answers = model.predict(named);
        keep(Object.values(answers));
        return signature.outputs.map((spec, index) => toTensor(spec, answers[outputs[index]?.name ?? '']));
      }),
    dispose: async () => {
      model.dispose();
    },
  };
}

async function servingSignature(tf: TfNodeLibrary, folder: string): Promise<TfSignatureDef> {
  const graphs = await tf.node.getMetaGraphsFromSavedModel(folder).catch((error: unknown) => {
    throw loadFailed(errorText(error), error);
  });
  const graph = graphs.find((candidate) => candidate.tags.length === 1 && candidate.tags[0] === SERVE_TAG);
  const signature = graph?.signatureDefs[SERVING_SIGNATURE];
  if (signature === undefined) throw loadFailed(`there is no ${SERVING_SIGNATURE} with the tag ${SERVE_TAG}`);
  return signature;
}

const SAVED_MODEL_TYPES = { DT_FLOAT: 'FP32', DT_INT32: 'INT32', DT_BOOL: 'BOOL' } as const;

function named(tensors: Readonly<Record<string, TfTensorInfo>>): readonly FileTensor[] {
  return Object.entries(tensors).map(([name, info]) => {
    const type = info.tfDtype ?? '';
    if (!Object.hasOwn(SAVED_MODEL_TYPES, type))
      throw loadFailed(`'${name}' is ${type}; tfjs has FP32, INT32 and BOOL`);
    return { name, datatype: SAVED_MODEL_TYPES[type as keyof typeof SAVED_MODEL_TYPES], shape: savedShape(info.shape) };
  });
}

/** Dimensions as tfjs-node gives them: protobuf objects whose first array element is the size. */
function savedShape(shape: unknown): readonly (number | null)[] | null {
  if (!Array.isArray(shape) || shape.length === 0) return null;
  return shape.map((dimension: unknown) => {
    const size = readDimension(dimension);
    return size !== null && size >= 0 ? size : null;
  });
}

function readDimension(dimension: unknown): number | null {
  if (typeof dimension === 'number') return dimension;
  if (typeof dimension !== 'object' || dimension === null) return null;
  if ('getSize' in dimension && typeof dimension.getSize === 'function') return Number(dimension.getSize());
  if ('array' in dimension && Array.isArray(dimension.array)) return Number(dimension.array[0] ?? 0);
  return null;
}
