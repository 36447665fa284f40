// Goal: which runtime serves a package is chosen in the open: why others do not is said, and nothing of them stays loaded.

import { expect, test } from 'vitest';
import { packTiny, temporaryFolder } from '../../test/support/tiny-models.ts';
import type { MillraceError } from '../domain/errors.ts';
import { prepareModel } from './prepare.ts';
import type { ModelRuntime } from './runtime.ts';

/** A runtime whose models do as told; `log` says what happened to them. */
function runtimeOf(id: string, log: string[], run: 'answers' | 'throws' | 'is absent'): ModelRuntime {
  const open = async () => {
    if (run === 'is absent') throw new Error('not installed');
    return { label: `${id} 1`, load };
  };
  const load = async () => ({
    run: async ([input]: readonly { readonly shape: readonly number[] }[]) => {
      if (run === 'throws') throw new Error('an operator is missing');
      const rows = input?.shape[0] ?? 0;
      return [{ name: 'p', datatype: 'FP32' as const, shape: [rows, 2], data: new Float32Array(rows * 2) }];
    },
    dispose: async () => {
      log.push(`${id} is disposed`);
    },
  });
  return { id, formats: ['onnx'], open };
}

async function prepare(runtimes: readonly ModelRuntime[]) {
  const ids = runtimes.map(({ id }) => id);
  const { manifest } = await packTiny(temporaryFolder(), { runtimes: () => ids, golden: [] });
  return prepareModel({ manifest, golden: [], entry: '' }, runtimes, () => 0);
}

test('a runtime that serves passed nothing over', async () => {
  const log: string[] = [];
  const prepared = await prepare([runtimeOf('first', log, 'answers'), runtimeOf('second', log, 'answers')]);
  expect(prepared).toMatchObject({ label: 'first 1', passedOver: '' });
  expect(log).toEqual([]);
});

test('a model that loads and does not run is disposed, and what was passed over is said', async () => {
  const log: string[] = [];
  const runtimes = [
    runtimeOf('first', log, 'is absent'),
    runtimeOf('second', log, 'throws'),
    runtimeOf('third', log, 'answers'),
  ];
  const prepared = await prepare(runtimes);
  expect(prepared).toMatchObject({
    label: 'third 1',
    passedOver: 'first: not installed; second: an operator is missing',
  });
  expect(log).toEqual(['second is disposed']);
});

test('when none serves, every one of them says why', async () => {
  const failing = prepare([runtimeOf('first', [], 'is absent'), runtimeOf('second', [], 'throws')]);
  await expect(failing).rejects.toMatchObject({ code: 'MODEL_LOAD_FAILED' } satisfies Partial<MillraceError>);
  await expect(failing).rejects.toThrow('first: not installed; second: an operator is missing');
});
