// Goal: training learns, is reproducible bit for bit, and both writers store exactly what was trained.
// Method: a tiny task, two kinds of stripes, in a few steps.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DIGIT_PIXELS, digitOf } from '../data/digits.ts';
import { augment } from './augment.ts';
import { forward, type Network } from './network.ts';
import { writeMlp } from './onnx-writer.ts';
import { seededRandom } from './random.ts';
import { readStoredNetwork } from './stored-network.ts';
import { writeTfjsGraph } from './tfjs-writer.ts';
import { type TrainingPlan, trainNetwork } from './train-network.ts';

const NAMES = { input: 'image', output: 'probabilities' };
const PLAN: TrainingPlan = {
  seed: 7,
  hidden: [4],
  epochs: 6,
  rate: 0.01,
  augmentation: { turn: 0.05, size: 0.05, slant: 0.05, move: 1 },
};

/** Ink in the upper half is a 3, in the lower half an 8; the place within the half varies. */
function stripes(count: number) {
  const images = Array.from({ length: count }, (_, index) => {
    const top = (index % 2 === 0 ? 4 : 18) + (index % 5);
    return new Float32Array(DIGIT_PIXELS).fill(1, top * 28 + 5, top * 28 + 23);
  });
  return { images, labels: Uint8Array.from(images, (_, index) => (index % 2 === 0 ? 3 : 8)) };
}

const set = stripes(160);
const train = (plan: TrainingPlan): Network => trainNetwork(plan, set, () => undefined);

test('a network learns what it is shown', () => {
  const network = train(PLAN);
  const answers = set.images.map((image) => digitOf(forward(network, image)));
  expect(answers).toEqual([...set.labels]);
});

test('the same plan gives the same bits, and another seed gives others', () => {
  const short = { ...PLAN, epochs: 1 };
  expect(train(short)).toEqual(train(short));
  expect(train({ ...short, seed: 8 })).not.toEqual(train(short));
});

test('probabilities sum to 1, also for sums that would overflow', () => {
  const weights = new Float32Array(DIGIT_PIXELS * 10).fill(5);
  const network: Network = [
    { inputs: DIGIT_PIXELS, outputs: 10, weights, bias: new Float32Array(10), activation: 'softmax' },
  ];
  const probabilities = forward(network, new Float32Array(DIGIT_PIXELS).fill(1));
  expect(probabilities.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
});

test('an image that is neither turned nor moved stays as it is', () => {
  const image = set.images[0] ?? new Float32Array();
  expect(augment(image, { turn: 0, size: 0, slant: 0, move: 0 }, seededRandom(1))).toEqual(image);
});

test('an augmented image keeps its ink within 0 and 1', () => {
  const random = seededRandom(5);
  for (const image of set.images.slice(0, 10)) {
    const seen = augment(image, { turn: 0.3, size: 0.2, slant: 0.2, move: 2 }, random);
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...seen)).toBeLessThanOrEqual(1);
    expect(Math.max(...seen)).toBeGreaterThan(0);
  }
});

test('both formats give back the weights that were written', async () => {
  const network = train({ ...PLAN, epochs: 1 });
  const folder = await mkdtemp(join(tmpdir(), 'millrace-stored-'));
  try {
    await writeFile(join(folder, 'digits.onnx'), writeMlp(NAMES, network));
    const { model, weights } = writeTfjsGraph(NAMES, network);
    await writeFile(join(folder, 'model.json'), model);
    await writeFile(join(folder, 'weights.bin'), weights);
    expect(readStoredNetwork(folder, { format: 'onnx', entry: 'digits.onnx' })).toEqual(network);
    expect(readStoredNetwork(folder, { format: 'tfjs-graph', entry: 'model.json' })).toEqual(network);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a network that the graph format does not hold is refused', () => {
  const network: Network = [
    { inputs: 1, outputs: 1, weights: new Float32Array(1), bias: new Float32Array(1), activation: 'sigmoid' },
  ];
  expect(() => writeTfjsGraph(NAMES, network)).toThrow('activation sigmoid');
});
