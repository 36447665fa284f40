// Goal: a hostile model package is refused with the reason, soon, and before it has cost any memory.
// Method: each package of the corpus is the sound one with one damage; the sound one, which is ready, goes first.
// What needs TensorFlow is skipped with the reason where it cannot be loaded; under CI it must be there.

import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { isCi } from '../../shared/config/ci.ts';
import { errorText, MillraceError } from '../../shared/domain/errors.ts';
import { findRuntime } from '../../shared/runtimes/registry.ts';
import { HOSTILE_PACKAGES, type Hostile } from '../hostile/corpus.ts';
import { HOSTILE_MODELS, hostileTfjs } from '../hostile/model-files.ts';
import { type Refusal, refusalOf } from '../hostile/refusal.ts';
import { HOSTILE_SAVED_MODELS, SOUND_SAVED_MODEL } from '../hostile/saved-models.ts';
import { packTiny, temporaryFolder } from '../support/tiny-models.ts';

const REFUSED_MS_MAX = 100;
const LARGE_BYTES_MAX = 1_048_576;
/** On a busy machine any single run may be interrupted. */
const RUNS = 3;

const unavailable: unknown = await findRuntime('tfjs-node', 'saved-model')
  .open()
  .then(
    () => null,
    (error: unknown) => error,
  );

let sound = '';
beforeAll(async () => {
  vi.setConfig({ testTimeout: 60_000 });
  sound = (await packTiny(temporaryFolder())).folder;
  // The runtimes themselves are no part of a package.
  await findRuntime('tfjs-cpu', 'tfjs-layers').open();
  expect(await refused('sound', () => undefined)).toMatchObject({ error: null });
}, 60_000);

async function refused(name: string, damage: (folder: string) => void): Promise<Refusal> {
  const root = mkdtempSync(join(temporaryFolder(), 'hostile-'));
  const folder = join(root, 'tiny/1');
  cpSync(sound, folder, { recursive: true });
  damage(folder);
  const runs: Refusal[] = [];
  for (let run = 0; run < RUNS; run++) runs.push(await refusalOf(root, 'tiny', 1));
  rmSync(root, { recursive: true });
  const [first] = runs;
  if (first === undefined) throw new RangeError(name);
  const ms = Math.min(...runs.map((run) => run.ms));
  return { error: first.error, ms, largeBytes: Math.max(...runs.map((run) => run.largeBytes)) };
}

async function expectRefused([name, code, damage]: Hostile): Promise<void> {
  const { error, ms, largeBytes } = await refused(name, damage);
  expect(error instanceof MillraceError ? error.code : error).toBe(code);
  expect(ms).toBeLessThan(REFUSED_MS_MAX);
  expect(largeBytes).toBeLessThan(LARGE_BYTES_MAX);
}

describe('a hostile package is refused', () => {
  const corpus = [...HOSTILE_PACKAGES, ...HOSTILE_MODELS];
  const ofTensorFlow = [...HOSTILE_SAVED_MODELS, ...hostileTfjs('tfjs-node')];
  const all = [...corpus, ...ofTensorFlow];

  test.each(corpus)('%s: %s', (...hostile) => expectRefused(hostile));

  describe('by TensorFlow', () => {
    test('which loads the sound one here', async (context) => {
      if (unavailable === null)
        return expect(await refused('sound SavedModel', SOUND_SAVED_MODEL)).toMatchObject({ error: null });
      expect(isCi(process.env), errorText(unavailable)).toBe(false);
      return context.skip(errorText(unavailable));
    });

    test.skipIf(unavailable !== null).each(ofTensorFlow)('%s: %s', (...hostile) => expectRefused(hostile));
  });

  test('and the corpus has no damage twice, and enough of them', () => {
    expect(new Set(all.map(([name]) => name)).size).toBe(all.length);
    expect(corpus.length).toBeGreaterThanOrEqual(40);
  });
});
