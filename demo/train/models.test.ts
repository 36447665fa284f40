// Goal: the committed packages are whole, and are as good and as bad as their table says.
// Method: verify each package, read its weights back and judge them on the test digits in plain loops, without training;
// and once through a real runtime, because the files are written by hand.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { signatureMismatch } from '../../shared/domain/tensor.ts';
import { readGolden } from '../../shared/models/manifest.ts';
import { type VerifiedPackage, verifyPackage } from '../../shared/models/verify.ts';
import { checkGolden } from '../../shared/runtimes/golden-check.ts';
import { findRuntime, runtimesFor } from '../../shared/runtimes/registry.ts';
import { DIGITS_ENDPOINT, DIGITS_SIGNATURE, loadDigits } from '../data/digits.ts';
import { demoPath } from '../demo-path.ts';
import { accuracy, parameterCount } from './network.ts';
import { goldenSamples } from './pack-version.ts';
import { RECIPES } from './recipes.ts';
import { type ModelResult, markdownTable, readResults } from './results.ts';
import { readStoredNetwork } from './stored-network.ts';

const digits = loadDigits();
const results = readResults();
const packages = new Map<number, VerifiedPackage>();

function resultOf(version: number): ModelResult {
  const found = results.find((result) => result.version === version);
  if (found === undefined) expect.fail(`there is no result of version ${version}`);
  return found;
}

function packageOf(version: number): VerifiedPackage {
  const found = packages.get(version);
  if (found === undefined) expect.fail(`there is no package of version ${version}`);
  return found;
}

beforeAll(async () => {
  for (const { version } of RECIPES) {
    packages.set(version, await verifyPackage(demoPath('models'), DIGITS_ENDPOINT, version));
  }
});

test('every version has a result', () => {
  expect(results.map((result) => result.version)).toEqual(RECIPES.map((recipe) => recipe.version));
});

test('the README shows the committed results', () => {
  expect(readFileSync(demoPath('models', 'README.md'), 'utf8')).toContain(markdownTable(results));
});

test.for(RECIPES)('version $version has the stated digest, the signature and all runtimes of its format', (recipe) => {
  const { manifest } = packageOf(recipe.version);
  expect(manifest.digest).toBe(resultOf(recipe.version).digest);
  expect(manifest.format).toBe(recipe.format);
  expect(manifest.runtimes).toEqual(runtimesFor(recipe.format));
  expect(signatureMismatch(DIGITS_SIGNATURE, manifest.signature)).toBeNull();
});

test.for(RECIPES)('version $version is as accurate on the test digits as its table says', ({ version }) => {
  const { folder, manifest } = packageOf(version);
  const network = readStoredNetwork(folder, manifest);
  expect(parameterCount(network)).toBe(resultOf(version).parameters);
  expect(accuracy(network, digits, digits.testRows)).toBe(resultOf(version).testAccuracy);
});

test.for(RECIPES)('version $version passes its golden samples, which it answers right', async ({ version }) => {
  const { folder, manifest } = packageOf(version);
  const stored = await readGolden(folder, manifest);
  // Made again from the committed weights: training images only, and only right answers.
  const made = goldenSamples(readStoredNetwork(folder, manifest), digits);
  expect(stored).toHaveLength(10);
  stored.forEach((sample, index) => {
    expect(String(sample.inputs)).toBe(String(made[index]?.inputs));
    const wanted = made[index]?.outputs?.[0] ?? [];
    sample.outputs[0]?.forEach((probability, digit) => {
      expect(probability).toBeCloseTo(wanted[digit] ?? Number.NaN, 9);
    });
  });
});

test.for(RECIPES)(
  'version $version passes its golden check on the most portable of its runtimes',
  async ({ version }) => {
    const { folder, manifest } = packageOf(version);
    const runtime = await findRuntime(manifest.runtimes.at(-1) ?? '', manifest.format).open();
    const model = await runtime.load(join(folder, manifest.entry), manifest.format, manifest.signature);
    try {
      await expect(checkGolden(model, manifest.signature, await readGolden(folder, manifest))).resolves.toBeUndefined();
    } finally {
      await model.dispose();
    }
  },
);

test('version 2 is better than 1, version 4 at least as good as 2, and version 3 is bad', () => {
  const share = (version: number) => resultOf(version).testAccuracy;
  expect(share(1)).toBeGreaterThan(0.9);
  expect(share(2)).toBeGreaterThan(Math.max(0.95, share(1)));
  expect(share(4)).toBeGreaterThanOrEqual(share(2));
  expect(share(3)).toBeGreaterThan(0.6);
  expect(share(3)).toBeLessThan(0.8);
});
