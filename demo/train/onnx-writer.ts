// ONNX writer: a feed-forward network as the bytes of a `.onnx` file, without Python and without a protobuf package.
// Flow: training → weights → here → `millrace model pack`. Tests use it for tiny fixtures.
// Invariant: the same network gives the same bytes. Source: onnx.proto (IR version 8, operator set 13).

import { MillraceError } from '../../shared/domain/errors.ts';
import { bytes, concat, integer, littleEndian, message, text } from './protobuf.ts';

const IR_VERSION = 8;
const OPERATOR_SET = 13;

/** `TensorProto.DataType` of onnx.proto. */
export const ONNX_TYPES = { FP32: 1, UINT8: 2, INT8: 3, INT16: 5, INT32: 6, INT64: 7, BOOL: 9, FP64: 11 } as const;
export type OnnxType = keyof typeof ONNX_TYPES;

/** A graph input or output; a string is a symbolic dimension, such as the batch `'N'`. */
export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape: readonly (number | string)[];
}

/** One operator; attributes are integers (`Cast` has `to`, `Flatten` has `axis`). */
export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, number>>;
}

/** A constant, row-major. `external` names a file that holds the bytes instead (tests of hostile packages). */
export interface OnnxConstant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
  readonly external?: string;
}

export interface OnnxGraph {
  readonly name: string;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly constants: readonly OnnxConstant[];
  readonly nodes: readonly OnnxNode[];
}

/** One dense layer: `weights` is row-major [inputs, outputs], `bias` has `outputs` elements. */
export interface DenseLayer {
  readonly inputs: number;
  readonly outputs: number;
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  readonly activation: 'none' | 'relu' | 'sigmoid' | 'softmax';
}

const ACTIVATION_OPS = { relu: 'Relu', sigmoid: 'Sigmoid', softmax: 'Softmax' } as const;

/**
 * A multi-layer perceptron: FP32 `input` [N, first layer's inputs] → FP32 `output` [N, last layer's outputs].
 * Softmax is over the last axis.
 * @throws ASSERTION when a layer's sizes do not fit its weights or the layer before.
 */
export function writeMlp(names: { readonly input: string; readonly output: string }, layers: readonly DenseLayer[]) {
  const constants: OnnxConstant[] = [];
  const nodes: OnnxNode[] = [];
  let value = names.input;
  layers.forEach((layer, index) => {
    checkLayer(layer, layers[index - 1]);
    const last = index === layers.length - 1;
    const activation = layer.activation === 'none' ? null : ACTIVATION_OPS[layer.activation];
    const sum = last && activation === null ? names.output : `sum${index}`;
    constants.push({ name: `weights${index}`, shape: [layer.inputs, layer.outputs], data: layer.weights });
    constants.push({ name: `bias${index}`, shape: [layer.outputs], data: layer.bias });
    nodes.push({ op: 'Gemm', inputs: [value, `weights${index}`, `bias${index}`], outputs: [sum] });
    value = sum;
    if (activation !== null) {
      value = last ? names.output : `active${index}`;
      nodes.push({ op: activation, inputs: [sum], outputs: [value] });
    }
  });
  return writeOnnx({
    name: 'mlp',
    inputs: [{ name: names.input, type: 'FP32', shape: ['N', layers[0]?.inputs ?? 0] }],
    outputs: [{ name: names.output, type: 'FP32', shape: ['N', layers.at(-1)?.outputs ?? 0] }],
    constants,
    nodes,
  });
}

function checkLayer(layer: DenseLayer, before: DenseLayer | undefined): void {
  const fits =
    layer.weights.length === layer.inputs * layer.outputs &&
    layer.bias.length === layer.outputs &&
    (before === undefined || before.outputs === layer.inputs);
  if (!fits) throw new MillraceError('ASSERTION', { detail: `a layer ${layer.inputs}→${layer.outputs} does not fit` });
}

/** Any graph as the bytes of a `.onnx` file. */
export function writeOnnx(graph: OnnxGraph): Uint8Array<ArrayBuffer> {
  const body = [
    ...graph.nodes.map((node) => message(1, nodeFields(node))),
    text(2, graph.name),
    ...graph.constants.map((constant) => message(5, constantFields(constant))),
    ...graph.inputs.map((value) => message(11, valueFields(value))),
    ...graph.outputs.map((value) => message(12, valueFields(value))),
  ];
  const operators = message(8, [text(1, ''), integer(2, OPERATOR_SET)]);
  return concat([integer(1, IR_VERSION), text(2, 'millrace'), message(7, body), operators]);
}

function nodeFields(node: OnnxNode): Uint8Array[] {
  const attributes = Object.entries(node.attributes ?? {}).map(([name, value]) =>
    message(5, [text(1, name), integer(3, value), integer(20, 2)]),
  );
  return [
    ...node.inputs.map((name) => text(1, name)),
    ...node.outputs.map((name) => text(2, name)),
    text(4, node.op),
    ...attributes,
  ];
}

function constantFields(constant: OnnxConstant): Uint8Array[] {
  const head = [...constant.shape.map((size) => integer(1, size)), integer(2, ONNX_TYPES.FP32), text(8, constant.name)];
  if (constant.external !== undefined) {
    return [...head, message(13, [text(1, 'location'), text(2, constant.external)]), integer(14, 1)];
  }
  return [...head, bytes(9, littleEndian(constant.data))];
}

function valueFields(value: OnnxValue): Uint8Array[] {
  const dimensions = value.shape.map((size) =>
    message(1, [typeof size === 'string' ? text(2, size) : integer(1, size)]),
  );
  const tensor = message(1, [integer(1, ONNX_TYPES[value.type]), message(2, dimensions)]);
  return [text(1, value.name), message(2, [tensor])];
}
