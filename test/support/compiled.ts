// Compiled: JavaScript of a source file, for tests that start a process of their own (Node 20 cannot run TypeScript).
// Flow: int test → tsc, once per entry and test run, into .cache/compiled (untracked) → `node <path>`.

import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const COMPILE_TIMEOUT_MS = 60_000;

/** Compiles `entry` (`shared/broker/main.ts`) with what it imports. @returns the path of its JavaScript. */
export async function compiled(entry: string): Promise<string> {
  const folder = join(REPOSITORY, '.cache', 'compiled', entry.replaceAll('/', '-').replace(/\.ts$/, ''));
  const config = {
    extends: join(REPOSITORY, 'tsconfig.json'),
    compilerOptions: { outDir: folder, rootDir: REPOSITORY, sourceMap: false },
    files: [join(REPOSITORY, entry)],
    include: [],
  };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(REPOSITORY, 'node_modules', 'typescript', 'bin', 'tsc');
  await promisify(execFile)(process.execPath, [tsc, '-p', folder], { timeout: COMPILE_TIMEOUT_MS });
  return join(folder, entry.replace(/\.ts$/, '.js'));
}
