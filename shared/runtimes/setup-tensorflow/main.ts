// Set-up of tfjs-node: `npm run setup:tensorflow`. Idempotent; a second run only looks whether it still loads.
// Flow: loads already? → wheel into the machine's cache → links → addon (kept copy, else compiler) → loads.

import { errorText, MillraceError } from '../../domain/errors.ts';
import { buildAddon, isBuilt, linkLibrary, probe, takeCachedAddon, tfjsNodeFolder } from './addon.ts';
import { firstThatRuns, impossible } from './steps.ts';
import { cacheFolder, isUnpacked, unpackWheel } from './wheel.ts';

const EXIT_FAILED = 1;
const EXIT_IMPOSSIBLE = 3;

async function setUp(): Promise<string> {
  const folder = tfjsNodeFolder();
  if (isBuilt(folder)) {
    const label = loads();
    if (label !== null) return `${label} is built already`;
  }
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw impossible(`the pinned wheel is for Linux on x86-64, this is ${process.platform} on ${process.arch}`);
  }
  const cache = cacheFolder(process.env);
  if (!isUnpacked(cache)) await unpackWheel(cache, pythonTools(), say);
  linkLibrary(folder, cache);
  if (takeCachedAddon(folder, cache)) {
    const label = loads();
    if (label !== null) return `${label} is ready (addon from ${cache})`;
  }
  requireCompiler();
  say('compiling the addon of tfjs-node');
  buildAddon(folder, cache);
  return `${probe()} is ready`;
}

function loads(): string | null {
  try {
    return probe();
  } catch {
    return null;
  }
}

function pythonTools(): { readonly python: readonly string[]; readonly pip: readonly string[] } {
  const python = firstThatRuns([['python3'], ['python']], ['--version']);
  const pip = firstThatRuns([['python3', '-m', 'pip'], ['python', '-m', 'pip'], ['pip3'], ['pip']], ['--version']);
  if (python === null || pip === null) throw impossible('Python 3 with pip is needed to fetch the wheel');
  return { python, pip };
}

function requireCompiler(): void {
  const missing = [['make'], [process.env.CXX || 'g++'], ['python3']].filter(
    (program) => firstThatRuns([program], ['--version']) === null,
  );
  if (missing.length > 0) throw impossible(`${missing.flat().join(', ')} is needed to compile its addon`);
}

function say(text: string): void {
  process.stderr.write(`setup:tensorflow: ${text}\n`);
}

try {
  say(await setUp());
} catch (error) {
  say(errorText(error));
  const cannot = error instanceof MillraceError && error.code === 'RUNTIME_UNAVAILABLE';
  if (cannot) say('not possible here; TFJS models run on wasm instead, SavedModels do not run');
  process.exitCode = cannot ? EXIT_IMPOSSIBLE : EXIT_FAILED;
}
