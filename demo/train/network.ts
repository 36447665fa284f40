// Network: a feed-forward network in plain loops: what it answers and how often it is right.
// Flow: train-network makes one, the writers store it, the tests read it back and compute the stated accuracy again.
// Invariant: needs no runtime library, so golden outputs do not come from the runtime that they check.

import { type Digits, digitOf } from '../data/digits.ts';
import type { DenseLayer } from './onnx-writer.ts';

/** Layers from the pixels to the probabilities; hidden ones are `relu`, the last is `softmax`. */
export type Network = readonly DenseLayer[];

/** @param image 784 pixels. @returns the last layer's outputs, computed in double precision */
export function forward(network: Network, image: Float32Array): Float64Array {
  return network.reduce<Float64Array>((values, layer) => layerOutput(layer, values), Float64Array.from(image));
}

/** Activations of one layer. @param values `layer.inputs` numbers */
export function layerOutput(layer: DenseLayer, values: Float64Array): Float64Array {
  const { outputs, weights } = layer;
  const sums = Float64Array.from(layer.bias);
  for (let input = 0; input < values.length; input++) {
    const value = values[input] ?? 0;
    // Four of five pixels are paper.
    if (value === 0) continue;
    const base = input * outputs;
    for (let output = 0; output < outputs; output++) {
      sums[output] = (sums[output] ?? 0) + value * (weights[base + output] ?? 0);
    }
  }
  return activate(layer.activation, sums);
}

function activate(activation: DenseLayer['activation'], sums: Float64Array): Float64Array {
  switch (activation) {
    case 'none':
      return sums;
    case 'relu':
      return sums.map((sum) => Math.max(0, sum));
    case 'sigmoid':
      return sums.map((sum) => 1 / (1 + Math.exp(-sum)));
    case 'softmax': {
      const largest = sums.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      const powers = sums.map((sum) => Math.exp(sum - largest));
      const total = powers.reduce((a, b) => a + b, 0);
      return powers.map((power) => power / total);
    }
  }
}

/** Share of `rows` whose digit the network names, 0 to 1. */
export function accuracy(network: Network, digits: Digits, rows: readonly number[]): number {
  const right = rows.filter((row) => digitOf(forward(network, digits.image(row))) === digits.labels[row]);
  return right.length / rows.length;
}

/** Weights and biases of all layers. */
export function parameterCount(network: Network): number {
  return network.reduce((sum, layer) => sum + layer.weights.length + layer.bias.length, 0);
}
