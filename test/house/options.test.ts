// Goal: a number that a long test cannot use is refused; it must not run nothing and call that a success.
// Method: the commands' own mains, which read their options as they are imported, with nothing to run.

import { afterEach, expect, it, vi } from 'vitest';

vi.mock('../fuzz/judge.ts', () => ({ Judge: null }));
vi.mock('../fuzz/targets/registry.ts', () => ({ TARGETS: [], targetNamed: null }));
vi.mock('../fuzz/workers.ts', () => ({ runJobs: async () => undefined }));
vi.mock('../sim/mutants/registry.ts', () => ({ MUTANTS: [] }));
vi.mock('../sim/workers.ts', () => ({ simulateAll: async () => undefined }));

const { argv } = process;
afterEach(() => {
  process.argv = argv;
});

it.each([
  ['sim', '--seeds'],
  ['sim', '--seed'],
  ['fuzz', '--inputs'],
  ['fuzz', '--seed'],
])('%s refuses as %s what is no whole number from 1 on', async (command, option) => {
  for (const value of ['abc', '0', '1.5', '1e3', '']) {
    process.argv = [...argv.slice(0, 2), `${option}=${value}`];
    vi.resetModules();
    const started = command === 'sim' ? import('../sim/main.ts') : import('../fuzz/main.ts');
    await expect(started).rejects.toMatchObject({ code: 'USAGE' });
  }
});
