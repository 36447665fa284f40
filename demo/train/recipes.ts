// Recipes: what the four versions of the endpoint `digits` are, as data.
// Flow: main trains each, packs it, judges it. A change here changes the packages: run `npm run models` after it.

import type { TrainingPlan } from './train-network.ts';

export interface Recipe {
  readonly version: number;
  /** One line for tables. */
  readonly kind: string;
  readonly format: 'onnx' | 'tfjs-graph';
  readonly plan: TrainingPlan;
  /** What the trainer took a label for; the truth, except in the version that is bad on purpose. */
  readonly taughtLabel: (label: number) => number;
}

const truth = (label: number) => label;

/** The mistake of version 3: a label table in which three look-alikes changed places. */
const MISTAUGHT: Readonly<Record<number, number>> = { 4: 9, 9: 7, 7: 4 };

export const RECIPES: readonly Recipe[] = [
  {
    version: 1,
    kind: 'softmax regression',
    format: 'onnx',
    plan: { seed: 1, hidden: [], epochs: 8, rate: 0.003, augmentation: null },
    taughtLabel: truth,
  },
  {
    version: 2,
    kind: 'perceptron, 64 hidden',
    format: 'tfjs-graph',
    plan: { seed: 2, hidden: [64], epochs: 20, rate: 0.002, augmentation: { turn: 0, size: 0, slant: 0, move: 1.5 } },
    taughtLabel: truth,
  },
  {
    version: 3,
    kind: 'perceptron, 32 hidden, taught wrong labels for 4, 7 and 9',
    format: 'onnx',
    plan: { seed: 3, hidden: [32], epochs: 10, rate: 0.002, augmentation: null },
    taughtLabel: (label) => MISTAUGHT[label] ?? label,
  },
  {
    version: 4,
    kind: 'perceptron, 128 hidden',
    format: 'onnx',
    plan: {
      seed: 4,
      hidden: [128],
      epochs: 30,
      rate: 0.002,
      augmentation: { turn: 0.2, size: 0.12, slant: 0.15, move: 1.5 },
    },
    taughtLabel: truth,
  },
];
