// Train network: mini-batch gradient descent with Adam, in plain loops on one core.
// Flow: recipe and training images → here → a network. Invariant: the same recipe and images give the same bits on the
// same Node: no clock, no Math.random, sums in a fixed order.
// Source: Adam (Kingma and Ba, 2014, algorithm 1); starting weights after He et al. (2015).

import { DIGIT_CLASSES, DIGIT_PIXELS } from '../data/digits.ts';
import { type Augmentation, augment } from './augment.ts';
import { layerOutput, type Network } from './network.ts';
import type { DenseLayer } from './onnx-writer.ts';
import { type Random, seededRandom } from './random.ts';

export interface TrainingPlan {
  readonly seed: number;
  /** Sizes of the hidden layers; none makes a softmax regression. */
  readonly hidden: readonly number[];
  readonly epochs: number;
  /** Adam's step at the start; it falls in a straight line to 0. */
  readonly rate: number;
  /** null: every epoch sees the images as they are. */
  readonly augmentation: Augmentation | null;
}

/** Equal lengths; labels 0 to 9. */
export interface TrainingSet {
  readonly images: readonly Float32Array[];
  readonly labels: Uint8Array;
}

const BATCH_IMAGES = 32;
const ADAM_BETA1 = 0.9;
const ADAM_BETA2 = 0.999;
const ADAM_EPSILON = 1e-8;

/** @param onEpoch called after each epoch with its number from 1. @returns the trained network, softmax last */
export function trainNetwork(plan: TrainingPlan, set: TrainingSet, onEpoch: (epoch: number) => void): Network {
  const random = seededRandom(plan.seed);
  const sizes = [DIGIT_PIXELS, ...plan.hidden, DIGIT_CLASSES];
  const network = sizes.slice(1).map((outputs, index) => {
    return startLayer(sizes[index] ?? 0, outputs, { random, last: index === plan.hidden.length });
  });
  const learners = network.map((layer) => ({ weights: learner(layer.weights), bias: learner(layer.bias) }));
  const order = Uint16Array.from(set.images.keys());
  const steps = plan.epochs * Math.ceil(order.length / BATCH_IMAGES);
  let step = 0;
  for (let epoch = 1; epoch <= plan.epochs; epoch++) {
    random.shuffle(order);
    for (let start = 0; start < order.length; start += BATCH_IMAGES) {
      const batch = order.subarray(start, start + BATCH_IMAGES);
      for (const place of batch) {
        const image = set.images[place] ?? new Float32Array(DIGIT_PIXELS);
        const seen = plan.augmentation === null ? image : augment(image, plan.augmentation, random);
        addGradient(network, learners, { image: seen, label: set.labels[place] ?? 0 });
      }
      const rate = plan.rate * (1 - step / steps);
      step += 1;
      for (const { weights, bias } of learners) {
        adamStep(weights, { rate, images: batch.length, step });
        adamStep(bias, { rate, images: batch.length, step });
      }
    }
    onEpoch(epoch);
  }
  return network;
}

function startLayer(
  inputs: number,
  outputs: number,
  options: { readonly random: Random; readonly last: boolean },
): DenseLayer {
  // Uniform with the variance 2 / inputs that He et al. ask for.
  const limit = Math.sqrt(6 / inputs);
  const weights = new Float32Array(inputs * outputs).map(() => options.random.around(limit));
  return { inputs, outputs, weights, bias: new Float32Array(outputs), activation: options.last ? 'softmax' : 'relu' };
}

/** Numbers that are learnt, the sum of their gradients over the batch, and Adam's two moments. */
interface Learner {
  readonly values: Float32Array;
  readonly gradient: Float32Array;
  readonly mean: Float32Array;
  readonly square: Float32Array;
}

function learner(values: Float32Array): Learner {
  const zeros = () => new Float32Array(values.length);
  return { values, gradient: zeros(), mean: zeros(), square: zeros() };
}

interface LayerLearner {
  readonly weights: Learner;
  readonly bias: Learner;
}

/** Adds the gradient of the cross entropy of one image. */
function addGradient(
  network: Network,
  learners: readonly LayerLearner[],
  example: { readonly image: Float32Array; readonly label: number },
): void {
  const values: Float64Array[] = [Float64Array.from(example.image)];
  for (const layer of network) values.push(layerOutput(layer, values.at(-1) ?? new Float64Array()));
  // Softmax and cross entropy together: the error of the last layer is answer minus truth.
  let error = Float64Array.from(values.at(-1) ?? []);
  error[example.label] = (error[example.label] ?? 0) - 1;
  for (let index = network.length - 1; index >= 0; index--) {
    const layer = network[index];
    const input = values[index];
    const learning = learners[index];
    if (layer === undefined || input === undefined || learning === undefined) continue;
    addLayerGradient(learning, input, error);
    if (index > 0) error = errorBelow(layer, input, error);
  }
}

function addLayerGradient(learning: LayerLearner, input: Float64Array, error: Float64Array): void {
  const weights = learning.weights.gradient;
  const bias = learning.bias.gradient;
  for (let output = 0; output < error.length; output++) bias[output] = (bias[output] ?? 0) + (error[output] ?? 0);
  for (let from = 0; from < input.length; from++) {
    const value = input[from] ?? 0;
    if (value === 0) continue;
    const base = from * error.length;
    for (let output = 0; output < error.length; output++) {
      weights[base + output] = (weights[base + output] ?? 0) + value * (error[output] ?? 0);
    }
  }
}

/** The error of the layer below, whose activation is relu: nothing passes where it was 0. */
function errorBelow(layer: DenseLayer, input: Float64Array, error: Float64Array): Float64Array<ArrayBuffer> {
  const below = new Float64Array(input.length);
  for (let from = 0; from < input.length; from++) {
    if ((input[from] ?? 0) <= 0) continue;
    const base = from * error.length;
    let sum = 0;
    for (let output = 0; output < error.length; output++) {
      sum += (layer.weights[base + output] ?? 0) * (error[output] ?? 0);
    }
    below[from] = sum;
  }
  return below;
}

/** One step of Adam over the batch's mean gradient, which is cleared for the next batch. */
function adamStep(
  learning: Learner,
  options: { readonly rate: number; readonly images: number; readonly step: number },
): void {
  const { values, gradient, mean, square } = learning;
  const scale = 1 / options.images;
  const meanBias = 1 - ADAM_BETA1 ** options.step;
  const squareBias = 1 - ADAM_BETA2 ** options.step;
  for (let index = 0; index < values.length; index++) {
    const slope = (gradient[index] ?? 0) * scale;
    const nextMean = ADAM_BETA1 * (mean[index] ?? 0) + (1 - ADAM_BETA1) * slope;
    const nextSquare = ADAM_BETA2 * (square[index] ?? 0) + (1 - ADAM_BETA2) * slope * slope;
    mean[index] = nextMean;
    square[index] = nextSquare;
    gradient[index] = 0;
    const change = nextMean / meanBias / (Math.sqrt(nextSquare / squareBias) + ADAM_EPSILON);
    values[index] = (values[index] ?? 0) - options.rate * change;
  }
}
