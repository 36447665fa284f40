// Models: trains the four versions of the demo's endpoint and writes their packages again (`npm run models`).
// Flow: digits → train → pack → read back → judge → demo/models/results.json, README.md and a table on stdout.
// Invariant: the same sources give the same packages, digest by digest. The repository is replaced only when all of the
// new packages are written.

import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DIGITS_ENDPOINT, type Digits, loadDigits } from '../data/digits.ts';
import { demoPath } from '../demo-path.ts';
import { accuracy, parameterCount } from './network.ts';
import { packVersion } from './pack-version.ts';
import { RECIPES, type Recipe } from './recipes.ts';
import { type ModelResult, markdownTable, RESULTS_FILE, textTable } from './results.ts';
import { readStoredNetwork } from './stored-network.ts';
import { trainNetwork } from './train-network.ts';

async function main(): Promise<void> {
  const digits = loadDigits();
  say(`${digits.count} digits: ${digits.trainRows.length} to train on, ${digits.testRows.length} to test on`);
  await mkdir(demoPath('models'), { recursive: true });
  const root = await mkdtemp(demoPath('models', '.new-'));
  try {
    const results: ModelResult[] = [];
    for (const recipe of RECIPES) results.push(await makeVersion(root, recipe, digits));
    const target = demoPath('models', DIGITS_ENDPOINT);
    await rm(target, { recursive: true, force: true });
    await rename(join(root, DIGITS_ENDPOINT), target);
    await writeFile(demoPath('models', RESULTS_FILE), `${JSON.stringify(results, null, 2)}\n`);
    await writeFile(demoPath('models', 'README.md'), readme(results));
    process.stdout.write(`${textTable(results)}\n`);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function makeVersion(root: string, recipe: Recipe, digits: Digits): Promise<ModelResult> {
  const images = digits.trainRows.map((row) => digits.image(row));
  const labels = Uint8Array.from(digits.trainRows, (row) => recipe.taughtLabel(digits.labels[row] ?? 0));
  const network = trainNetwork(recipe.plan, { images, labels }, (epoch) => {
    if (epoch % 5 === 0 || epoch === recipe.plan.epochs) {
      say(`v${recipe.version}  ${recipe.kind}: epoch ${epoch} of ${recipe.plan.epochs}`);
    }
  });
  const { folder, manifest } = await packVersion(root, recipe, { network, digits });
  // Judged is what lies in the package, not what training left in memory.
  const stored = readStoredNetwork(folder, manifest);
  return {
    version: recipe.version,
    kind: recipe.kind,
    format: manifest.format,
    runtimes: manifest.runtimes,
    parameters: parameterCount(stored),
    testAccuracy: accuracy(stored, digits, digits.testRows),
    trainAccuracy: accuracy(stored, digits, digits.trainRows),
    bytes: manifest.files.reduce((sum, file) => sum + file.bytes, 0),
    digest: manifest.digest,
  };
}

function readme(results: readonly ModelResult[]): string {
  return `# The demo's models

A model repository with one endpoint, \`digits\`: four versions with one signature, \`image\` FP32 [-1, 784] (pixels, 0 paper
to 1 ink) to \`probabilities\` FP32 [-1, 10]. \`npm run models\` trains them from \`demo/data\` (about a minute on one core) and
writes this page, \`results.json\` and the packages; it is seeded, so it writes the same bytes again.

${markdownTable(results)}

Accuracy is the share of right answers on the 3,000 test digits, which no version was trained on, and on the 7,000 training
digits, both against the true labels. Several runtimes: the first that loads serves the model, and every prediction names it.

Version 3 is bad on purpose. Its trainer mixed up the labels of 4, 7 and 9, and its golden samples are, as with the other
versions, training images that it answers right: so it verifies, loads and passes its golden check, which shows that a file
computes what it was packed to compute and nothing about its worth. Only live traffic shows that.
`;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

await main();
