// Target: the JSON files of a model package: its manifest, its golden samples, the model.json of a TFJS model.

import type { Manifest } from '../../../shared/domain/manifest.ts';
import { decodeGolden, decodeManifest, manifestDigest } from '../../../shared/models/manifest.ts';
import { parseModelJson } from '../../../shared/runtimes/tfjs-artifacts.ts';
import { chosen, repeated, seedOf, type Target } from '../target.ts';
import { JSON_BOMBS, JSON_TOKENS } from './json-pieces.ts';

const CONTENT: Manifest = {
  ...{ manifest: 1, endpoint: 'digits', version: 3, format: 'onnx', runtimes: ['onnxruntime-node', 'other'] },
  entry: 'model/digits.onnx',
  signature: {
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 64] }],
    outputs: [{ name: 'p', datatype: 'FP32', shape: [-1, 10] }],
  },
  files: [
    { path: 'golden.json', sha256: 'ab'.repeat(32), bytes: 12 },
    { path: 'model/digits.onnx', sha256: 'cd'.repeat(32), bytes: 3_000 },
  ],
  ...{ golden: 'golden.json', warmUpRows: [1, 64], maxBatchRows: 64, memoryMb: 256, deadlineMs: 1_000 },
  ...{ loadDeadlineMs: 10_000, producer: 'a test', digest: '' },
};
const SOUND: Manifest = { ...CONTENT, digest: manifestDigest(CONTENT) };
const GOLDEN = { samples: [{ inputs: [[1, 2, 3]], outputs: [[0.5, 0.5]], atol: 1e-4, rtol: 1e-3 }] };
/** A TFJS model is parsed in a process of its own, which has seconds for it; here it must be quick. */
const TFJS_BYTES = 131_072;
const TFJS = {
  format: 'layers-model',
  modelTopology: { model_config: { class_name: 'Sequential', config: { layers: [] } } },
  weightsManifest: [
    { paths: ['group1-shard1of1.bin'], weights: [{ name: 'dense/kernel', shape: [2, 2], dtype: 'float32' }] },
  ],
};

export const manifestTarget: Target = {
  name: 'manifest',
  seeds: () => [SOUND, GOLDEN, TFJS].map((value, index) => seedOf(index, JSON.stringify(value))),
  tokens: [
    ...JSON_TOKENS,
    ...[
      '../',
      '/etc/passwd',
      '"path":"',
      '"files":[',
      'golden.json',
      '"entry":"',
      '"shape":[-1,',
      'saved-model',
      'model.json',
      './',
    ],
  ],
  bombs: [
    ...[0, 1].flatMap(JSON_BOMBS),
    ...JSON_BOMBS(2).map((bomb) => (bytes: number) => bomb(Math.min(bytes, TFJS_BYTES))),
    repeated(0, '{"files":[', () => '{"path":"a","sha256":"","bytes":1},', '0]}'),
    repeated(0, '{"entry":"', () => 'a/', 'a"}'),
    repeated(1, '{"samples":[{"inputs":[[', () => '1,', '1]],"outputs":[[1]],"atol":0,"rtol":0}]}'),
    repeated(1, '{"samples":[', () => '{"inputs":[[1]],"outputs":[[1]],"atol":0,"rtol":0},', '0]}'),
    repeated(1, '{"samples":[{"inputs":[[', () => 'null,', '1]],"outputs":[[1]],"atol":0,"rtol":0}]}'),
  ],
  decode: chosen<void>([
    (bytes) => void decodeManifest(bytes, 'p'),
    (bytes) => void decodeGolden(bytes, { folder: 'p', file: 'golden.json' }),
    (bytes) => void parseModelJson(bytes),
  ]),
};
