// Pack version: a trained network → files of its format → an immutable package with golden samples.
// Flow: main → here → shared/models/pack. Invariant: golden outputs come from our own loops in double precision, not from
// the runtime that they check; and golden images come from the training side, so the test side stays unseen.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GoldenInput, type PackedModel, packModel } from '../../shared/models/pack.ts';
import { runtimesFor } from '../../shared/runtimes/registry.ts';
import { DIGITS_ENDPOINT, DIGITS_SIGNATURE, type Digits, digitOf } from '../data/digits.ts';
import { forward, type Network } from './network.ts';
import { writeMlp } from './onnx-writer.ts';
import type { Recipe } from './recipes.ts';
import { writeTfjsGraph } from './tfjs-writer.ts';

const GOLDEN_SAMPLES = 10;
const GOLDEN_PROBABILITY_MIN = 0.9;
const WARM_UP_ROWS = [1, 16, 256];
const TENSORS = { input: 'image', output: 'probabilities' };

/** @param root the repository, in which the version must not exist. @throws PACKAGE_INVALID */
export async function packVersion(
  root: string,
  recipe: Recipe,
  model: { readonly network: Network; readonly digits: Digits },
): Promise<PackedModel> {
  const source = await mkdtemp(join(tmpdir(), 'millrace-models-'));
  try {
    await writeModel(source, recipe.format, model.network);
    return await packModel({
      source,
      root,
      endpoint: DIGITS_ENDPOINT,
      version: recipe.version,
      signature: DIGITS_SIGNATURE,
      runtimes: runtimesFor,
      golden: goldenSamples(model.network, model.digits),
      warmUpRows: WARM_UP_ROWS,
      producer: `millrace demo/train: ${recipe.kind}`,
    });
  } finally {
    await rm(source, { recursive: true, force: true });
  }
}

async function writeModel(folder: string, format: Recipe['format'], network: Network): Promise<void> {
  await mkdir(folder, { recursive: true });
  switch (format) {
    case 'onnx':
      return writeFile(join(folder, 'digits.onnx'), writeMlp(TENSORS, network));
    case 'tfjs-graph': {
      const { model, weights } = writeTfjsGraph(TENSORS, network);
      await writeFile(join(folder, 'model.json'), model);
      return writeFile(join(folder, 'weights.bin'), weights);
    }
  }
}

/**
 * The first training images that the network is sure and right about. This is why even a model that was taught wrong
 * labels passes its golden check: it shows that the file computes what it was packed to compute, not that it is good.
 */
export function goldenSamples(network: Network, digits: Digits): readonly GoldenInput[] {
  const samples: GoldenInput[] = [];
  for (const row of digits.trainRows) {
    if (samples.length === GOLDEN_SAMPLES) break;
    const image = digits.image(row);
    const probabilities = forward(network, image);
    const digit = digitOf(probabilities);
    if (digit !== digits.labels[row] || (probabilities[digit] ?? 0) < GOLDEN_PROBABILITY_MIN) continue;
    samples.push({ inputs: [[...image]], outputs: [[...probabilities]] });
  }
  return samples;
}
