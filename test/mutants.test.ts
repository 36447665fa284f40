// Goal: every bug that the simulation must find can still be planted after the code around it has changed.
// Method: the compiled code that a simulation would load (test/support/build-child.ts), without running it.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Edit } from './sim/mutants/mutant.ts';
import { MUTANTS } from './sim/mutants/registry.ts';
import { planted } from './sim/mutate-hook.ts';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));

test.each(MUTANTS)('the bug $name ($bug) finds its place', ({ edits }) => {
  const files = new Map<string, string>();
  const plant = (edit: Edit) => {
    const before = files.get(edit.file) ?? readFileSync(DIST + edit.file, 'utf8');
    files.set(edit.file, planted(before, edit));
  };
  for (const edit of edits) plant(edit);
  expect(files.size).toBeGreaterThan(0);
});
