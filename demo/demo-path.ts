// Where the demo's files lie: found from this module, which runs as demo/demo-path.ts and as dist/demo/demo-path.js.
// Flow: data and train read and write through it. Invariant: the same folder from sources and from the build.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert } from '../shared/domain/errors.ts';

/** Folders between this module and the repository's root: `demo`, or `dist/demo`. */
const LEVELS_UP_MAX = 3;

/** Absolute path of a file under the repository's `demo/`. @throws ASSERTION outside a Millrace checkout */
export function demoPath(...parts: readonly string[]): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (let level = 0; level < LEVELS_UP_MAX; level++) {
    if (existsSync(join(folder, 'package.json'))) return join(folder, 'demo', ...parts);
    folder = dirname(folder);
  }
  assert(false, `no package.json within ${LEVELS_UP_MAX} folders above ${import.meta.url}`);
}
