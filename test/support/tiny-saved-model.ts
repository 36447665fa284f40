// Tiny SavedModel: a TensorFlow SavedModel of a few hundred bytes, written by hand, with its weights as constants or as
// variables, whose values are a checkpoint beside it (tiny-checkpoint.ts).
// Source: saved_model.proto, meta_graph.proto, saver.proto, graph.proto, node_def.proto, attr_value.proto of TensorFlow.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { concat, integer, littleEndian, message, text } from '../../demo/train/protobuf.ts';

const DT_FLOAT = 1;
const DT_STRING = 7;
const CHECKPOINT_V2 = 2;

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

/** Node `name` as a variable in place of a constant; TensorFlow runs `restore` at load, with its own `restore_path`. */
export function variableNodes(name: string, shape: readonly number[]): GraphNode[] {
  const variable = { dtype: FLOAT_TYPE, shape: [message(7, dimensions(shape))], shared_name: [text(2, name)] };
  const types = { dtypes: [message(1, [integer(6, DT_FLOAT)])] };
  return [
    { name: 'variable', op: 'VarHandleOp', attributes: variable },
    { name, op: 'ReadVariableOp', inputs: ['variable'], attributes: { dtype: FLOAT_TYPE } },
    textNode('restore_path', [], ''),
    textNode('restore_names', [1], name),
    textNode('restore_slices', [1], ''),
    { name: 'read', op: 'RestoreV2', inputs: ['restore_path', 'restore_names', 'restore_slices'], attributes: types },
    { name: 'restore', op: 'AssignVariableOp', inputs: ['variable', 'read'], attributes: { dtype: FLOAT_TYPE } },
  ];
}

export interface ServedNames {
  readonly input: string;
  readonly output: string;
  /** Columns of input and output. */
  readonly shapes: readonly [number, number];
  /** Default `serve`. */
  readonly tag?: string;
  /** Default `serving_default`. */
  readonly signature?: string;
  /** What the input is fed to; default `feed`. */
  readonly node?: string;
}

/** Writes `saved_model.pb` into `folder`, serving `input` (node `feed`) and `output` (node `softmax`). */
export function writeSavedModel(folder: string, nodes: readonly GraphNode[], names: ServedNames): void {
  const { tag = 'serve', signature = 'serving_default', node = 'feed' } = names;
  const graph = [...nodes.map((one) => message(1, nodeParts(one))), message(4, [integer(1, 1_395)])];
  const served = [
    entry(1, names.input, tensorInfo(`${node}:0`, [-1, names.shapes[0]])),
    entry(2, names.output, tensorInfo('softmax:0', [-1, names.shapes[1]])),
    text(3, 'tensorflow/serving/predict'),
  ];
  const saver = [text(1, 'restore_path:0'), text(3, 'restore'), integer(7, CHECKPOINT_V2)];
  const metaGraph = [
    message(1, [text(4, tag), text(5, '2.21.0')]),
    message(2, graph),
    ...(nodes.some(({ name }) => name === 'restore') ? [message(3, saver)] : []),
    entry(5, signature, served),
  ];
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'saved_model.pb'), concat([integer(1, 1), message(2, metaGraph)]));
}

function textNode(name: string, shape: readonly number[], value: string): GraphNode {
  const tensor = [integer(1, DT_STRING), message(2, dimensions(shape)), text(8, value)];
  return { name, op: 'Const', attributes: { dtype: [integer(6, DT_STRING)], value: [message(8, tensor)] } };
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
