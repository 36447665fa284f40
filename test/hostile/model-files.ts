// Model files: packages whose manifest and digests are sound, and whose model file is not: ONNX and TFJS. SavedModels are in
// saved-models.ts.

import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type OnnxConstant, writeOnnx } from '../../demo/train/onnx-writer.ts';
import { bytes, concat, integer, message, text } from '../../demo/train/protobuf.ts';
import type { Hostile } from './corpus.ts';
import { content, type Damage, gzipBomb, otherModel, zipBomb } from './damage.ts';

const WEIGHTS = 'model/tiny.onnx';
const SQUARE = Float32Array.of(1, 2, 3, 4);
const STRING = 8;

/** x · w, with another constant `w`. */
const onnx = (constant: Partial<OnnxConstant>, width: number | string = 2): Damage =>
  content(
    WEIGHTS,
    writeOnnx({
      name: 'hostile',
      inputs: [{ name: 'x', type: 'FP32', shape: ['N', width] }],
      outputs: [{ name: 'p', type: 'FP32', shape: ['N', 2] }],
      constants: [{ name: 'w', shape: [2, 2], data: SQUARE, ...constant }],
      nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['p'] }],
    }),
  );

const external = (place: string): Damage => onnx({ data: new Float32Array(0), external: place });

/** A model of nothing but one initializer. */
const initializer = (...fields: readonly Uint8Array[]): Damage =>
  content(WEIGHTS, concat([integer(1, 8), message(7, [text(2, 'g'), message(5, [text(8, 'w'), ...fields])])]));

const ONNX: readonly Hostile[] = [
  ['onnx: external data above the folder', 'MODEL_LOAD_FAILED', withOutside(external('../../outside.bin'))],
  ['onnx: external data by a detour', 'MODEL_LOAD_FAILED', withOutside(external('a/../../../outside.bin'))],
  ['onnx: external data at an absolute path', 'MODEL_LOAD_FAILED', external('/etc/hostname')],
  ['onnx: external data behind a link', 'PACKAGE_PATH', withLink(external('link.bin'))],
  ['onnx: external data that is not there', 'MODEL_LOAD_FAILED', external('absent.bin')],
  ['onnx: external data in a device', 'MODEL_LOAD_FAILED', external('/dev/zero')],
  ['onnx: a huge shape without data', 'MODEL_LOAD_FAILED', onnx({ shape: [2 ** 30, 2 ** 20], data: SQUARE })],
  ['onnx: a shape beyond exact numbers', 'MODEL_LOAD_FAILED', onnx({ shape: [2 ** 40, 2 ** 40], data: SQUARE })],
  ['onnx: a shape of another size', 'MODEL_LOAD_FAILED', onnx({ shape: [2, 3], data: SQUARE })],
  ['onnx: weights of text', 'MODEL_LOAD_FAILED', initializer(integer(1, 1), integer(2, STRING), text(6, 'x'))],
  [
    'onnx: weights of an unknown type',
    'MODEL_LOAD_FAILED',
    initializer(integer(1, 1), integer(2, 99), bytes(9, squareBytes())),
  ],
  ['onnx: weights of NaN', 'GOLDEN_MISMATCH', onnx({ data: new Float32Array(4).fill(Number.NaN) })],
  ['onnx: weights of infinity', 'GOLDEN_MISMATCH', onnx({ data: new Float32Array(4).fill(Number.POSITIVE_INFINITY) })],
  ['onnx: another input', 'MODEL_LOAD_FAILED', onnx({}, 3)],
  ['onnx: truncated', 'MODEL_LOAD_FAILED', truncated],
  ['onnx: empty', 'MODEL_LOAD_FAILED', content(WEIGHTS, '')],
  ['onnx: a gzip bomb', 'MODEL_LOAD_FAILED', content(WEIGHTS, gzipBomb())],
  ['onnx: a zip bomb', 'MODEL_LOAD_FAILED', content(WEIGHTS, zipBomb())],
  [
    'onnx: a length of four gigabytes',
    'MODEL_LOAD_FAILED',
    content(WEIGHTS, Buffer.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f])),
  ],
];

const dense = (more: object, paths: readonly string[] = ['w.bin']) => ({
  format: 'layers-model',
  modelTopology: {
    model_config: {
      class_name: 'Sequential',
      config: {
        name: 'm',
        layers: [
          {
            class_name: 'Dense',
            config: { name: 'd', units: 2, batch_input_shape: [null, 2], use_bias: false, ...more },
          },
        ],
      },
    },
  },
  weightsManifest: [{ paths, weights: [{ name: 'd/kernel', shape: [2, 2], dtype: 'float32' }] }],
});

/** What TensorFlow.js refuses, by the runtime that is to load it. */
export function hostileTfjs(runtime: string): readonly Hostile[] {
  const tfjs = (model: string | object, weights: Uint8Array = squareBytes()): Damage =>
    otherModel({ format: 'tfjs-layers', entry: 'model/model.json', runtimes: [runtime] }, (place) => {
      writeFileSync(join(place, 'w.bin'), weights);
      writeFileSync(join(place, 'model.json'), typeof model === 'string' ? model : JSON.stringify(model));
    });
  const cases: readonly (readonly [string, Damage])[] = [
    ['weights above the folder', withOutside(tfjs(dense({}, ['../../outside.bin'])))],
    ['weights at an absolute path', tfjs(dense({}, ['/etc/hostname']))],
    ['weights at an address', tfjs(dense({}, ['http://localhost/w.bin']))],
    ['weights that are not there', tfjs(dense({}, ['absent.bin']))],
    ['truncated weights', tfjs(dense({}), squareBytes().subarray(0, 10))],
    ['more shards than any model', tfjs(dense({}, new Array(2_000).fill('w.bin')))],
    ['a topology of brackets', tfjs('['.repeat(400_000))],
    ['a topology that is no object', tfjs({ modelTopology: 1, weightsManifest: [] })],
    ['no weights at all', tfjs({ modelTopology: {}, weightsManifest: [] })],
  ];
  return cases.map(([name, damage]): Hostile => [`${runtime}: ${name}`, 'MODEL_LOAD_FAILED', damage]);
}

export const HOSTILE_MODELS: readonly Hostile[] = [...ONNX, ...hostileTfjs('tfjs-cpu')];

function withOutside(damage: Damage): Damage {
  return (folder) => {
    writeFileSync(join(folder, '../outside.bin'), new Uint8Array(SQUARE.buffer));
    damage(folder);
  };
}

function withLink(damage: Damage): Damage {
  return (folder) => {
    damage(folder);
    symlinkSync('/etc/hostname', join(folder, 'model/link.bin'));
  };
}

function truncated(folder: string): void {
  const whole = readFileSync(join(folder, WEIGHTS));
  content(WEIGHTS, whole.subarray(0, whole.length >> 1))(folder);
}

function squareBytes(): Uint8Array {
  return new Uint8Array(SQUARE.buffer);
}
