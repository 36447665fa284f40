// Worker: simulates the histories that it is given, in a process of its own, perhaps with a bug planted.
// Protocol: argument: the mutant's edits as JSON; message in: Wanted, 'end' after the last; message out: SeedReport.

import { register } from 'node:module';
import type { Edit } from './mutants/mutant.ts';
import { shortestPrefix } from './shortest-prefix.ts';
import type { SimResult } from './simulate.ts';

export interface Wanted {
  readonly seed: number;
  /** Only so many of its faults happen; null: all. */
  readonly faultsMax: number | null;
  /** Whether the faults of a failing one are halved as long as it fails. */
  readonly shortens: boolean;
}

export interface SeedReport extends SimResult {
  /** Of a failing seed: the fewest faults, from the first on, with which it was seen to fail. */
  readonly failingPrefix: number | null;
}

const edits = JSON.parse(process.argv[2] ?? '[]') as readonly Edit[];
if (edits.length > 0) register('./mutate-hook.js', import.meta.url, { data: edits });
const { simulate } = await import('./simulate.ts');

process.on('message', (wanted: Wanted | 'end') => {
  // Not within the message's own delivery, which would find its channel gone.
  if (wanted === 'end') return void setImmediate(() => process.disconnect());
  void report(wanted).then((found) => process.send?.(found));
});

async function report({ seed, faultsMax, shortens }: Wanted): Promise<SeedReport> {
  const result = await simulate(seed, faultsMax ?? undefined);
  if (result.problems.length === 0 || !shortens) return { ...result, failingPrefix: null };
  const faults = Object.values(result.faults).reduce((sum, count) => sum + count, 0);
  const fails = async (prefix: number) => (await simulate(seed, prefix)).problems.length > 0;
  return { ...result, failingPrefix: await shortestPrefix(faults, fails) };
}
