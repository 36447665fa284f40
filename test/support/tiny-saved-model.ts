// Tiny SavedModel: a TensorFlow SavedModel of a few hundred bytes, written by hand: constants instead of variables.
// Source: saved_model.proto, meta_graph.proto, graph.proto, node_def.proto, attr_value.proto of TensorFlow.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { concat, integer, littleEndian, message, text } from '../../demo/train/protobuf.ts';

const DT_FLOAT = 1;

export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly inputs?: readonly string[];
  /** Encoded `AttrValue` parts by attribute name. */
  readonly attributes?: Readonly<Record<string, readonly Uint8Array[]>>;
}

export const FLOAT_TYPE = [integer(6, DT_FLOAT)];

/** A constant node. */
export function constantNode(name: string, shape: readonly number[], data: Float32Array): GraphNode {
  const tensor = [integer(1, DT_FLOAT), message(2, dimensions(shape)), message(4, [littleEndian(data)])];
  return { name, op: 'Const', attributes: { dtype: FLOAT_TYPE, value: [message(8, tensor)] } };
}

/** softmax(x · kernel + bias) with x [N, kernel rows]. */
export function denseNodes(shape: readonly [number, number], kernel: Float32Array, bias: Float32Array): GraphNode[] {
  const placeholder = { dtype: FLOAT_TYPE, shape: [message(7, dimensions([-1, shape[0]]))] };
  return [
    { name: 'feed', op: 'Placeholder', attributes: placeholder },
    constantNode('kernel', shape, kernel),
    constantNode('bias', [shape[1]], bias),
    { name: 'product', op: 'MatMul', inputs: ['feed', 'kernel'], attributes: { T: FLOAT_TYPE } },
    { name: 'sum', op: 'BiasAdd', inputs: ['product', 'bias'], attributes: { T: FLOAT_TYPE } },
    { name: 'softmax', op: 'Softmax', inputs: ['sum'], attributes: { T: FLOAT_TYPE } },
  ];
}

/** Writes `saved_model.pb` into `folder`, serving `input` (node `feed`) and `output` (node `softmax`). */
export function writeSavedModel(
  folder: string,
  nodes: readonly GraphNode[],
  names: { readonly input: string; readonly output: string; readonly shapes: readonly [number, number] },
): void {
  const graph = [...nodes.map((node) => message(1, nodeParts(node))), message(4, [integer(1, 1_395)])];
  const served = [
    entry(1, names.input, tensorInfo('feed:0', [-1, names.shapes[0]])),
    entry(2, names.output, tensorInfo('softmax:0', [-1, names.shapes[1]])),
    text(3, 'tensorflow/serving/predict'),
  ];
  const metaGraph = [
    message(1, [text(4, 'serve'), text(5, '2.21.0')]),
    message(2, graph),
    entry(5, 'serving_default', served),
  ];
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'saved_model.pb'), concat([integer(1, 1), message(2, metaGraph)]));
}

function nodeParts(node: GraphNode): Uint8Array[] {
  return [
    text(1, node.name),
    text(2, node.op),
    ...(node.inputs ?? []).map((input) => text(3, input)),
    ...Object.entries(node.attributes ?? {}).map(([name, value]) => entry(5, name, value)),
  ];
}

function tensorInfo(node: string, shape: readonly number[]): Uint8Array[] {
  return [text(1, node), integer(2, DT_FLOAT), message(3, dimensions(shape))];
}

function dimensions(shape: readonly number[]): Uint8Array[] {
  return shape.map((size) => message(2, [integer(1, size)]));
}

/** An entry of a protobuf map. */
function entry(field: number, key: string, value: readonly Uint8Array[]): Uint8Array {
  return message(field, [text(1, key), message(2, value)]);
}
