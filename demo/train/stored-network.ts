// StoredNetwork: the weights that lie in a package, read back from the two forms that the demo writes.
// Flow: `npm run models` judges what it wrote by it, and a test judges what is committed.
// Invariant: reads only files of onnx-writer and tfjs-writer; it is no general reader of either format.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { assert } from '../../shared/domain/errors.ts';
import type { Manifest } from '../../shared/domain/manifest.ts';
import type { Network } from './network.ts';

interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** @param folder absolute path of the package. @throws ASSERTION for what the demo's writers did not write */
export function readStoredNetwork(folder: string, manifest: Pick<Manifest, 'format' | 'entry'>): Network {
  const entry = join(folder, manifest.entry);
  const onnx = manifest.format === 'onnx';
  assert(onnx || manifest.format === 'tfjs-graph', `${manifest.format} is not a format of the demo`);
  const tensors = onnx ? onnxConstants(readFileSync(entry)) : tfjsWeights(entry);
  const layers = tensors.size / 2;
  return Array.from({ length: layers }, (_, index) => {
    const weights = tensors.get(`weights${index}`);
    const bias = tensors.get(`bias${index}`);
    assert(weights !== undefined && bias !== undefined, `layer ${index} has weights and bias`);
    const [inputs = 0, outputs = 0] = weights.shape;
    assert(weights.data.length === inputs * outputs && bias.data.length === outputs, `layer ${index} is complete`);
    const activation = index === layers - 1 ? 'softmax' : 'relu';
    return { inputs, outputs, weights: weights.data, bias: bias.data, activation };
  });
}

function tfjsWeights(entry: string): ReadonlyMap<string, StoredTensor> {
  const { weightsManifest } = JSON.parse(readFileSync(entry, 'utf8')) as {
    readonly weightsManifest: readonly { readonly weights: readonly { name: string; shape: readonly number[] }[] }[];
  };
  const bytes = readFileSync(join(dirname(entry), 'weights.bin'));
  const tensors = new Map<string, StoredTensor>();
  let at = 0;
  for (const { name, shape } of weightsManifest.flatMap((group) => group.weights)) {
    const end = at + 4 * shape.reduce((product, size) => product * size, 1);
    tensors.set(name, { shape, data: floats(bytes.subarray(at, end)) });
    at = end;
  }
  return tensors;
}

/** `ModelProto.graph` is field 7, `GraphProto.initializer` field 5; a tensor has dims 1, name 8, raw_data 9. */
function onnxConstants(model: Uint8Array): ReadonlyMap<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  for (const graph of bytesOf(protobufFields(model), 7)) {
    for (const initializer of bytesOf(protobufFields(graph), 5)) {
      const fields = protobufFields(initializer);
      const shape = fields.flatMap(({ field, value }) => (field === 1 && typeof value === 'number' ? [value] : []));
      const [name] = bytesOf(fields, 8);
      const [raw] = bytesOf(fields, 9);
      if (name !== undefined && raw !== undefined) {
        tensors.set(new TextDecoder().decode(name), { shape, data: floats(raw) });
      }
    }
  }
  return tensors;
}

interface Field {
  readonly field: number;
  readonly value: number | Uint8Array;
}

function bytesOf(fields: readonly Field[], field: number): readonly Uint8Array[] {
  return fields.flatMap((found) => (found.field === field && typeof found.value !== 'number' ? [found.value] : []));
}

/** The fields of one protobuf message: varints as numbers, length-prefixed ones as their bytes. */
function protobufFields(message: Uint8Array): readonly Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = message[at];
      assert(byte !== undefined && scale < 2 ** 53, 'a protobuf number is complete');
      at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const prefixed = tag % 8 === 2;
    assert(prefixed || tag % 8 === 0, 'the demo writes varints and length-prefixed fields only');
    const value = varint();
    fields.push({ field: Math.floor(tag / 8), value: prefixed ? message.subarray(at, at + value) : value });
    if (prefixed) at += value;
  }
  return fields;
}

function floats(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.byteLength / 4 }, (_, index) => view.getFloat32(index * 4, true));
}
