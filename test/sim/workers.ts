// Workers: simulates histories in several processes at once, as many as there are cores.

import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Edit } from './mutants/mutant.ts';
import type { SeedReport, Wanted } from './worker.ts';

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));

/**
 * Simulates until nothing more is wanted or `each` says that it is enough.
 * @param each told of every history, in the order in which they end; false ends the work
 * @throws RangeError when a worker process dies
 */
export async function simulateAll(
  wanted: Iterable<Wanted>,
  options: { readonly edits: readonly Edit[]; readonly each: (report: SeedReport) => boolean },
): Promise<void> {
  const rest = wanted[Symbol.iterator]();
  let enough = false;
  const work = async (): Promise<void> => {
    const child = fork(WORKER, [JSON.stringify(options.edits)], { stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    let words = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      words = `${words}${chunk}`.slice(-2_000);
    });
    const next = () => {
      const { value, done } = enough ? { value: 'end', done: true } : rest.next();
      child.send(done === true ? 'end' : value);
    };
    child.on('message', (report: SeedReport) => {
      if (!options.each(report)) enough = true;
      next();
    });
    next();
    const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
    if (code !== 0) throw new RangeError(`a simulating process ended with ${code}: ${words}`);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
}
