// Build child: before any test, compiles what tests start as processes of their own (model processes, services), because
// Node cannot run TypeScript in a child process and Vitest's own transformation stays in the test's process. 0.5 s.
// Invariant: files appear whole (temporary folder, then rename), so two test runs at once do not hurt each other.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** A model process's program, the worker's side of it for a test that kills a worker, services, demo, a fault, simulations. */
const ENTRIES = [
  'demo/run/main.ts',
  'shared/runtimes/child-main.ts',
  'shared/runtimes/spawner-main.ts',
  'shared/runtimes/spawn.ts',
  ...['cli', 'comparator', 'controller', 'router', 'scorer'].map((service) => `services/${service}/main.ts`),
  'test/support/die-at-request.ts',
  ...['mutate-hook', 'worker', 'workers'].map((file) => `test/sim/${file}.ts`),
];

export function setup(): void {
  const dist = join(ROOT, 'dist');
  mkdirSync(dist, { recursive: true });
  const staging = mkdtempSync(join(dist, '.child-'));
  try {
    const project = join(staging, 'tsconfig.json');
    const compilerOptions = { noCheck: true, rootDir: ROOT, outDir: join(staging, 'out') };
    const config = {
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions,
      files: ENTRIES.map((entry) => join(ROOT, entry)),
      include: [],
    };
    writeFileSync(project, JSON.stringify(config));
    execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/lib/tsc.js'), '-p', project], {
      stdio: 'inherit',
    });
    publish(join(staging, 'out'), dist);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function publish(from: string, to: string): void {
  for (const file of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const source = join(file.parentPath, file.name);
    const target = join(to, source.slice(from.length));
    if (sameText(source, target)) continue;
    mkdirSync(dirname(target), { recursive: true });
    renameSync(source, target);
  }
}

function sameText(a: string, b: string): boolean {
  try {
    return readFileSync(a).equals(readFileSync(b));
  } catch {
    return false;
  }
}
