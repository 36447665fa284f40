// onnxruntime-node: `.onnx` files on the native CPU runtime; the default. One thread, loaded from the path.
// Why one thread: ORT's pool spins, and the house scales by processes (measured: 2 threads were slower at small batches).
// Invariant: inputs are bound at load, because ORT ignores extra inputs silently.

import { createRequire } from 'node:module';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { errorText, MillraceError } from '../domain/errors.ts';
import type { Datatype, Signature, Tensor, TensorData } from '../domain/tensor.ts';
import { bindTensors, type FileTensor, loadFailed } from './bind.ts';
import type { LoadedModel, ModelRuntime, OpenRuntime } from './runtime.ts';

type Ort = typeof import('onnxruntime-node');

const ORT_TYPES = {
  BOOL: 'bool',
  UINT8: 'uint8',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  FP32: 'float32',
  FP64: 'float64',
} as const satisfies Record<Datatype, string>;

const SESSION_OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  logSeverityLevel: 3,
};

export const onnxruntimeNode: ModelRuntime = {
  id: 'onnxruntime-node',
  formats: ['onnx'],
  open: async () => openOrt(),
};

function openOrt(): OpenRuntime {
  const require = createRequire(import.meta.url);
  try {
    const ort: Ort = require('onnxruntime-node');
    const { version } = require('onnxruntime-node/package.json');
    return {
      label: `onnxruntime-node ${version}`,
      load: (entry, _format, signature) => load(ort, entry, signature),
    };
  } catch (error) {
    const detail = `${errorText(error)} (npm install onnxruntime-node)`;
    throw new MillraceError('RUNTIME_UNAVAILABLE', { runtime: 'onnxruntime-node', detail }, error);
  }
}

async function load(ort: Ort, entry: string, signature: Signature): Promise<LoadedModel> {
  const session = await ort.InferenceSession.create(entry, SESSION_OPTIONS).catch((error: unknown) => {
    throw loadFailed(errorText(error), error);
  });
  try {
    const inputs = bindTensors(signature.inputs, session.inputMetadata.map(fileTensor), {
      side: 'input',
      extras: false,
    });
    const outputs = bindTensors(signature.outputs, session.outputMetadata.map(fileTensor), {
      side: 'output',
      extras: true,
    });
    const fetches = outputs.map((output) => output.name);
    return {
      run: async (tensors) => {
        const feeds: Record<string, OrtTensor> = Object.create(null);
        inputs.forEach((input, index) => {
          const tensor = tensors[index];
          if (tensor !== undefined) feeds[input.name] = toOrt(ort, tensor);
        });
        const answer = await session.run(feeds, fetches);
        return signature.outputs.map((spec, index) => fromOrt(spec.name, answer[fetches[index] ?? '']));
      },
      dispose: () => session.release(),
    };
  } catch (error) {
    await session.release();
    throw error;
  }
}

function fileTensor(metadata: InferenceSession.ValueMetadata): FileTensor {
  if (!metadata.isTensor) return { name: metadata.name, datatype: null, shape: null };
  const shape = metadata.shape.map((size) => (typeof size === 'number' && size >= 0 ? size : null));
  return { name: metadata.name, datatype: datatypeOf(metadata.type), shape };
}

function datatypeOf(type: string): Datatype {
  const found = Object.entries(ORT_TYPES).find(([, ort]) => ort === type);
  if (found === undefined) throw loadFailed(`tensors of type ${type} are not supported`);
  return found[0] as Datatype;
}

function toOrt(ort: Ort, tensor: Tensor): OrtTensor {
  return new ort.Tensor(ORT_TYPES[tensor.datatype], tensor.data as Float32Array, tensor.shape);
}

function fromOrt(name: string, tensor: OrtTensor | undefined): Tensor {
  if (tensor === undefined) throw new MillraceError('ASSERTION', { detail: `no output ${name}` });
  return { name, datatype: datatypeOf(tensor.type), shape: tensor.dims, data: tensor.data as TensorData };
}
