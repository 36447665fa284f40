// Tiny models: packages of a few hundred bytes for tests, in each form that needs no TensorFlow to write.

import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeMlp } from '../../demo/train/onnx-writer.ts';
import type { Signature } from '../../shared/domain/tensor.ts';
import { type PackedModel, type PackRequest, packModel } from '../../shared/models/pack.ts';
import { runtimesFor } from '../../shared/runtimes/registry.ts';
import { denseNodes, type GraphNode, writeSavedModel } from './tiny-saved-model.ts';

/** URL of the runtime that fails on demand, for `runtimeModules`. */
export const FAULTY_RUNTIME = new URL('./faulty-runtime.mjs', import.meta.url).href;

/** What the faulty runtime does when a row holds this. */
export const BAD = { hang: -1, segfault: -2, exit: -3, hog: -4, throws: -5, wrongShape: -6, print: -7 } as const;

/** x [N, 2] → p [N, 2]. */
export const TINY_SIGNATURE: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
  outputs: [{ name: 'p', datatype: 'FP32', shape: [-1, 2] }],
};

/** x [N, 1] → p [N, 1]. */
export const FAULTY_SIGNATURE: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 1] }],
  outputs: [{ name: 'p', datatype: 'FP32', shape: [-1, 1] }],
};

/** Of the tiny model: softmax(x · [[1, −1], [2, 1]] + [0.5, 0]); the answer to [1, 1] is softmax([3.5, 0]). */
export const TINY_GOLDEN = { inputs: [[1, 1, 0, 0]], outputs: [[0.97068775, 0.02931223, 0.62245935, 0.37754068]] };
export const TINY_KERNEL = Float32Array.of(1, -1, 2, 1);
export const TINY_BIAS = Float32Array.of(0.5, 0);

/** A new folder, gone after the tests (scratch-folder.ts). */
export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'millrace-test-'));
}

/** Path of a `.onnx` file. */
export function writeTinyOnnx(folder: string): string {
  const layer = { inputs: 2, outputs: 2, weights: TINY_KERNEL, bias: TINY_BIAS, activation: 'softmax' } as const;
  const path = join(folder, 'tiny.onnx');
  writeFileSync(path, writeMlp({ input: 'x', output: 'p' }, [layer]));
  return path;
}

/** Path of a folder with a TFJS layers `model.json` and its weights. Its tensors have other names, as exporters give. */
export function writeTinyLayers(folder: string, weightsPath = 'group1-shard1of1.bin'): string {
  const path = join(folder, 'layers');
  mkdirSync(path, { recursive: true });
  const config = { name: 'dense', trainable: true, batch_input_shape: [null, 2], dtype: 'float32', units: 2 };
  const dense = { class_name: 'Dense', config: { ...config, activation: 'softmax', use_bias: true } };
  const model = {
    format: 'layers-model',
    modelTopology: {
      keras_version: '2.15.0',
      backend: 'tensorflow',
      model_config: { class_name: 'Sequential', config: { name: 'tiny', layers: [dense] } },
    },
    weightsManifest: [
      {
        paths: [weightsPath],
        weights: [
          { name: 'dense/kernel', shape: [2, 2], dtype: 'float32' },
          { name: 'dense/bias', shape: [2], dtype: 'float32' },
        ],
      },
    ],
  };
  writeFileSync(join(path, 'model.json'), JSON.stringify(model));
  writeFileSync(join(path, 'group1-shard1of1.bin'), weightBytes());
  return path;
}

/** Path of a folder with a TFJS graph `model.json`: the same computation as a frozen graph. */
export function writeTinyGraph(folder: string): string {
  const path = join(folder, 'graph');
  mkdirSync(path, { recursive: true });
  const float = { type: 'DT_FLOAT' };
  const node = (name: string, op: string, input: readonly string[], attr: object) => ({ name, op, input, attr });
  const shape = { shape: { dim: [{ size: '-1' }, { size: '2' }] } };
  const model = {
    format: 'graph-model',
    modelTopology: {
      node: [
        node('x', 'Placeholder', [], { dtype: float, shape }),
        node('kernel', 'Const', [], { dtype: float, value: { tensor: { dtype: 'DT_FLOAT', tensorShape: {} } } }),
        node('bias', 'Const', [], { dtype: float, value: { tensor: { dtype: 'DT_FLOAT', tensorShape: {} } } }),
        node('product', 'MatMul', ['x', 'kernel'], { T: float, transpose_a: { b: false }, transpose_b: { b: false } }),
        node('sum', 'BiasAdd', ['product', 'bias'], { T: float }),
        node('p', 'Softmax', ['sum'], { T: float }),
      ],
      versions: { producer: 1 },
    },
    weightsManifest: [
      {
        paths: ['group1-shard1of1.bin'],
        weights: [
          { name: 'kernel', shape: [2, 2], dtype: 'float32' },
          { name: 'bias', shape: [2], dtype: 'float32' },
        ],
      },
    ],
  };
  writeFileSync(join(path, 'model.json'), JSON.stringify(model));
  writeFileSync(join(path, 'group1-shard1of1.bin'), weightBytes());
  return path;
}

/** Path of a SavedModel folder: the same computation, with constants for weights; `more` nodes are added as they are. */
export function writeTinySavedModel(folder: string, more: readonly GraphNode[] = []): string {
  const path = join(folder, 'saved-model');
  const nodes = [...denseNodes([2, 2], TINY_KERNEL, TINY_BIAS), ...more];
  writeSavedModel(path, nodes, { input: 'x', output: 'p', shapes: [2, 2] });
  return path;
}

function weightBytes(): Uint8Array {
  return new Uint8Array(Float32Array.of(...TINY_KERNEL, ...TINY_BIAS).buffer);
}

/** Packs the tiny ONNX model into `root`. */
export async function packTiny(root: string, request: Partial<PackRequest> = {}): Promise<PackedModel> {
  const source = request.source ?? writeTinyOnnx(temporaryFolder());
  const own = { endpoint: 'tiny', version: 1, signature: TINY_SIGNATURE, golden: [TINY_GOLDEN] };
  return packModel({ root, runtimes: runtimesFor, maxBatchRows: 64, ...own, ...request, source });
}

/** Packs a model for the faulty runtime; `text` may be `hang` or `crash`: then loading does that. */
export async function packFaulty(root: string, text: string, request: Partial<PackRequest> = {}): Promise<PackedModel> {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'faulty.onnx'), text);
  return packTiny(root, {
    source: join(folder, 'faulty.onnx'),
    endpoint: 'faulty',
    signature: FAULTY_SIGNATURE,
    runtimes: () => ['faulty'],
    golden: [{ inputs: [[1]], outputs: [[2]] }],
    deadlineMs: 400,
    ...request,
  });
}
