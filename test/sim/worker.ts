// Worker: simulates the seeds that it is given, in a process of its own, perhaps with a bug planted.
// Protocol: argument: the mutant's edits as JSON; message in: `{ seed }`, null for the end; message out: SeedReport.

import { register } from 'node:module';
import type { Edit } from './mutants/mutant.ts';
import type { SimResult } from './simulate.ts';

export interface SeedReport extends SimResult {
  /** Of a failing seed: the fewest faults, from the first on, with which it was seen to fail. */
  readonly failingPrefix: number | null;
}

const edits = JSON.parse(process.argv[2] ?? '[]') as readonly Edit[];
const wantsPrefix = edits.length === 0;
if (edits.length > 0) register('./mutate-hook.js', import.meta.url, { data: edits });
const { simulate } = await import('./simulate.ts');

/** Halves the faults of a failing seed as long as it fails. A smaller prefix may exist: failing is not monotone. */
async function shortestPrefix(seed: number, faults: number): Promise<number> {
  let [passes, fails] = [-1, faults];
  while (fails - passes > 1) {
    const middle = Math.floor((passes + fails) / 2);
    const { problems } = await simulate(seed, middle);
    if (problems.length > 0) fails = middle;
    else passes = middle;
  }
  return fails;
}

process.on('message', ({ seed }: { readonly seed: number | null }) => {
  // Not within the message's own delivery, which would find its channel gone.
  if (seed === null) return void setImmediate(() => process.disconnect());
  void report(seed).then((found) => process.send?.(found));
});

async function report(seed: number): Promise<SeedReport> {
  const result = await simulate(seed);
  const faults = Object.values(result.faults).reduce((sum, count) => sum + count, 0);
  const failed = result.problems.length > 0 && wantsPrefix;
  return { ...result, failingPrefix: failed ? await shortestPrefix(seed, faults) : null };
}
