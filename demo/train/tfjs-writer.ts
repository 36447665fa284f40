// TFJS writer: a feed-forward network as a TensorFlow.js graph model, `model.json` and `weights.bin`, without Python.
// Flow: training → network → here → packModel. One fused operator per layer, because tfjs-node pays per operator call.
// Invariant: the same network gives the same bytes.
// Source: tensorflow.js converter, `GraphDef` in the JSON form of protobuf; operator `_FusedMatMul` of TensorFlow.

import { MillraceError } from '../../shared/domain/errors.ts';
import type { Network } from './network.ts';

export interface TfjsFiles {
  /** Text of `model.json`. */
  readonly model: string;
  /** `weights.bin`: little-endian FP32, in the order of the manifest in `model.json`. */
  readonly weights: Uint8Array;
}

interface TensorNames {
  readonly input: string;
  readonly output: string;
}

const FLOAT = { type: 'DT_FLOAT' };
const NO_TRANSPOSE = { transpose_a: { b: false }, transpose_b: { b: false } };

/**
 * FP32 `input` [−1, inputs of the first layer] → FP32 `output` [−1, outputs of the last], whose activation is softmax.
 * @throws ASSERTION for other activations than relu in hidden layers and softmax in the last
 */
export function writeTfjsGraph(names: TensorNames, network: Network): TfjsFiles {
  const weights = network.flatMap((layer, index) => [
    { name: `weights${index}`, shape: [layer.inputs, layer.outputs], data: layer.weights },
    { name: `bias${index}`, shape: [layer.outputs], data: layer.bias },
  ]);
  const specs = weights.map(({ name, shape }) => ({ name, shape, dtype: 'float32' }));
  const model = {
    format: 'graph-model',
    generatedBy: 'millrace',
    convertedBy: 'millrace',
    signature: {
      inputs: { [names.input]: tensorInfo(names.input, network[0]?.inputs ?? 0) },
      outputs: { [names.output]: tensorInfo(names.output, network.at(-1)?.outputs ?? 0) },
    },
    modelTopology: {
      node: [placeholder(names.input, network[0]?.inputs ?? 0), ...specs.map(constant), ...layerNodes(names, network)],
      library: {},
      versions: { producer: 1 },
    },
    weightsManifest: [{ paths: ['weights.bin'], weights: specs }],
  };
  return { model: `${JSON.stringify(model)}\n`, weights: littleEndian(weights.map(({ data }) => data)) };
}

function layerNodes(names: TensorNames, network: Network): readonly object[] {
  let value = names.input;
  return network.flatMap((layer, index) => {
    const last = index === network.length - 1;
    if (layer.activation !== (last ? 'softmax' : 'relu')) {
      throw new MillraceError('ASSERTION', { detail: `layer ${index} has activation ${layer.activation}` });
    }
    const name = `layer${index}`;
    const matMul = fusedMatMul(
      name,
      [value, `weights${index}`, `bias${index}`],
      last ? ['BiasAdd'] : ['BiasAdd', 'Relu'],
    );
    value = name;
    return last ? [matMul, { name: names.output, op: 'Softmax', input: [name], attr: { T: FLOAT } }] : [matMul];
  });
}

function fusedMatMul(name: string, input: readonly string[], fused: readonly string[]): object {
  return {
    name,
    op: '_FusedMatMul',
    input,
    attr: {
      T: FLOAT,
      ...NO_TRANSPOSE,
      num_args: { i: '1' },
      epsilon: { f: 0 },
      fused_ops: { list: { s: fused.map((op) => Buffer.from(op, 'latin1').toString('base64')) } },
    },
  };
}

function placeholder(name: string, size: number): object {
  return { name, op: 'Placeholder', attr: { dtype: FLOAT, shape: { shape: dimensions([-1, size]) } } };
}

/** The values lie in `weights.bin`; the graph has only their type and shape. */
function constant(spec: { readonly name: string; readonly shape: readonly number[] }): object {
  const value = { tensor: { dtype: 'DT_FLOAT', tensorShape: dimensions(spec.shape) } };
  return { name: spec.name, op: 'Const', attr: { dtype: FLOAT, value } };
}

function tensorInfo(name: string, size: number): object {
  return { name: `${name}:0`, dtype: 'DT_FLOAT', tensorShape: dimensions([-1, size]) };
}

/** 64-bit integers are text in the JSON form of protobuf. */
function dimensions(shape: readonly number[]): object {
  return { dim: shape.map((size) => ({ size: String(size) })) };
}

function littleEndian(parts: readonly Float32Array[]): Uint8Array {
  const out = new DataView(new ArrayBuffer(parts.reduce((sum, part) => sum + part.length * 4, 0)));
  let at = 0;
  for (const part of parts) {
    for (const value of part) {
      out.setFloat32(at, value, true);
      at += 4;
    }
  }
  return new Uint8Array(out.buffer);
}
