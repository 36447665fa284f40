// SavedModels: packages whose manifest and digests are sound, and whose SavedModel is not: its graph, what it serves, and its
// variables. The sound one, a graph with one variable, is here as well.
// Left out: a variable of a shape beyond the machine's memory. It is refused and costs none, but TensorFlow asks for the memory
// for ten seconds before.

import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Checkpoint, checkpoint } from '../support/tiny-checkpoint.ts';
import { TINY_BIAS, TINY_KERNEL } from '../support/tiny-models.ts';
import {
  denseNodes,
  type GraphNode,
  type ServedNames,
  variableNodes,
  writeSavedModel,
} from '../support/tiny-saved-model.ts';
import type { Hostile } from './corpus.ts';
import { content, type Damage, gzipBomb, listed, otherModel } from './damage.ts';

const GRAPH = 'model/saved_model.pb';
const INDEX = 'model/variables/variables.index';
const DATA = 'model/variables/variables.data-00000-of-00001';
const SQUARE = [2, 2] as const;
const KERNEL = checkpoint('kernel', TINY_KERNEL, { shape: SQUARE });

interface Changed {
  readonly nodes?: readonly GraphNode[];
  readonly served?: Partial<ServedNames>;
  readonly variables?: Partial<Checkpoint> | null;
}

/** The tiny model with its kernel as a variable, `changed`. */
const savedModel = ({ nodes = [], served, variables = {} }: Changed): Damage =>
  otherModel({ format: 'saved-model', entry: 'model', runtimes: ['tfjs-node'] }, (place) => {
    const constants = denseNodes([...SQUARE], TINY_KERNEL, TINY_BIAS).filter(({ name }) => name !== 'kernel');
    const names = { input: 'x', output: 'p', shapes: SQUARE, ...served };
    writeSavedModel(place, [...constants, ...variableNodes('kernel', SQUARE), ...nodes], names);
    if (variables === null) return;
    mkdirSync(join(place, 'variables'));
    writeFileSync(join(place, '..', INDEX), variables.index ?? KERNEL.index);
    writeFileSync(join(place, '..', DATA), variables.data ?? KERNEL.data);
  });

export const SOUND_SAVED_MODEL: Damage = savedModel({});

/** The sound one, and then another damage. */
const damaged =
  (damage: Damage): Damage =>
  (folder) => {
    SOUND_SAVED_MODEL(folder);
    damage(folder);
  };

const operator = (op: string) => savedModel({ nodes: [{ name: 'added', op }] });
const serves = (served: Partial<ServedNames>) => savedModel({ served });
const variables = (changed: Partial<Checkpoint>) => savedModel({ variables: changed });
const half = (bytes: Uint8Array) => bytes.subarray(0, bytes.length >> 1);
const otherByte = (bytes: Uint8Array) => bytes.map((byte, at) => (at === 2 ? byte ^ 1 : byte));
const says = (said: Parameters<typeof checkpoint>[2]) => variables(checkpoint('kernel', TINY_KERNEL, said));

const GRAPHS: readonly (readonly [string, Damage])[] = [
  ['truncated', truncated],
  ['empty', damaged(content(GRAPH, ''))],
  ['a gzip bomb', damaged(content(GRAPH, gzipBomb()))],
  ['a length of four gigabytes', damaged(content(GRAPH, Uint8Array.of(0x12, 0xff, 0xff, 0xff, 0xff, 0x0f)))],
  ['the refused operator ReadFile', operator('ReadFile')],
  ['the refused operator WriteFile', operator('WriteFile')],
  ['the refused operator EagerPyFunc', operator('EagerPyFunc')],
  ['an operator that nobody knows', operator('NoSuchOperator')],
];

const SERVED: readonly (readonly [string, Damage])[] = [
  ['another serving signature', serves({ signature: 'train' })],
  ['another tag', serves({ tag: 'train' })],
  ['another width', serves({ shapes: [3, 2] })],
  ['an input that the graph has not', serves({ node: 'absent' })],
];

const VARIABLES: readonly (readonly [string, Damage])[] = [
  ['no variables', savedModel({ variables: null })],
  ['a truncated index', variables({ index: half(KERNEL.index) })],
  ['an empty index', variables({ index: new Uint8Array(0) })],
  ['a changed byte in the index', variables({ index: otherByte(KERNEL.index) })],
  ['truncated variables', variables({ data: half(KERNEL.data) })],
  ['a changed byte in the variables', variables({ data: otherByte(KERNEL.data) })],
  ['another variable', variables(checkpoint('other', TINY_KERNEL, { shape: SQUARE }))],
  ['a variable of another shape', says({ shape: [4, 1] })],
  ['a variable beyond its file', says({ shape: SQUARE, offset: 2 ** 40 })],
];

const OUTSIDE: readonly (readonly [string, Damage])[] = [
  ['variables that the manifest places above the folder', damaged(listed('../variables/variables.index'))],
  ['a link for the folder of the variables', damaged(linkedFolder)],
  ['a link for the variables', damaged(linkedData)],
];

const loading = (cases: readonly (readonly [string, Damage])[], code: Hostile[1]) =>
  cases.map(([name, damage]): Hostile => [`saved-model: ${name}`, code, damage]);

export const HOSTILE_SAVED_MODELS: readonly Hostile[] = [
  ...loading([...GRAPHS, ...SERVED, ...VARIABLES], 'MODEL_LOAD_FAILED'),
  ...loading(
    [['variables of NaN', variables(checkpoint('kernel', new Float32Array(4).fill(Number.NaN), { shape: SQUARE }))]],
    'GOLDEN_MISMATCH',
  ),
  ...loading(OUTSIDE, 'PACKAGE_PATH'),
];

function truncated(folder: string): void {
  SOUND_SAVED_MODEL(folder);
  content(GRAPH, half(readFileSync(join(folder, GRAPH))))(folder);
}

function linkedFolder(folder: string): void {
  const [inside, outside] = [join(folder, 'model/variables'), join(folder, '../variables')];
  renameSync(inside, outside);
  symlinkSync(outside, inside);
}

function linkedData(folder: string): void {
  const [inside, outside] = [join(folder, DATA), join(folder, '../data')];
  renameSync(inside, outside);
  symlinkSync(outside, inside);
}
