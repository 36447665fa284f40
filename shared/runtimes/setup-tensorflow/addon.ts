// Addon: tfjs-node's own C++ source, built unmodified against the cached TensorFlow, in node_modules.
// Invariant: nothing of the package changes but `deps/` (links into the cache) and `lib/` (the addon). The built addon
// is kept in the cache too, so that the next `npm ci` costs a copy instead of a compiler run.

import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { impossible, run } from './steps.ts';

const BUILD_TIMEOUT_MS = 15 * 60_000;
const PROBE_TIMEOUT_MS = 120_000;
/** The newest N-API that tfjs-node 4.22.0 declares; node-pre-gyp looks for the addon under this name. */
const ADDON = 'lib/napi-v8/tfjs_binding.node';
const LINKS: readonly (readonly [link: string, target: string])[] = [
  ['deps/include', 'include'],
  ['deps/lib/libtensorflow_cc.so.2', 'libtensorflow_cc.so.2'],
  ['deps/lib/libtensorflow.so', 'libtensorflow_cc.so.2'],
  ['deps/lib/libtensorflow_framework.so.2', 'libtensorflow_framework.so.2'],
  ['deps/lib/libtensorflow_framework.so', 'libtensorflow_framework.so.2'],
];

const require = createRequire(import.meta.url);

/** Folder of the installed package. @throws RUNTIME_UNAVAILABLE when it is not installed */
export function tfjsNodeFolder(): string {
  try {
    return dirname(require.resolve('@tensorflow/tfjs-node/package.json'));
  } catch {
    throw impossible('the package @tensorflow/tfjs-node is not installed: run `npm ci` first');
  }
}

/** Label of tfjs-node, loaded in a process of its own. @throws SETUP_FAILED when it does not load */
export function probe(): string {
  const program = fileURLToPath(new URL('./probe.js', import.meta.url));
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' };
  return run('loading tfjs-node', [process.execPath, program], { timeout: PROBE_TIMEOUT_MS, env });
}

/** Whether the addon and all links are in place; `probe` says whether they work. */
export function isBuilt(folder: string): boolean {
  return [ADDON, ...LINKS.map(([link]) => link)].every((path) => existsSync(join(folder, path)));
}

/** Links the cached library into the package. */
export function linkLibrary(folder: string, cache: string): void {
  rmSync(join(folder, 'deps'), { recursive: true, force: true });
  mkdirSync(join(folder, 'deps/lib'), { recursive: true });
  for (const [link, target] of LINKS) symlinkSync(join(cache, 'tensorflow', target), join(folder, link));
}

/** Takes the addon that an earlier run built on this machine. @returns whether there was one */
export function takeCachedAddon(folder: string, cache: string): boolean {
  const cached = join(cache, cachedName(folder));
  if (!existsSync(cached)) return false;
  mkdirSync(dirname(join(folder, ADDON)), { recursive: true });
  copyFileSync(cached, join(folder, ADDON));
  return true;
}

/** Compiles the addon with node-pre-gyp, as the package's own install does, and keeps a copy. @throws SETUP_FAILED */
export function buildAddon(folder: string, cache: string): void {
  rmSync(join(folder, 'lib'), { recursive: true, force: true });
  const program = join(dirname(require.resolve('@mapbox/node-pre-gyp/package.json')), 'bin/node-pre-gyp');
  const env = { JOBS: 'max', ...nodeHeaders(), ...process.env };
  const command = [process.execPath, program, 'install', '--build-from-source'];
  run('building the addon', command, { cwd: folder, timeout: BUILD_TIMEOUT_MS, env });
  copyFileSync(join(folder, ADDON), join(cache, cachedName(folder)));
}

/** Node's headers beside its binary, where they are; else node-gyp downloads them. */
function nodeHeaders(): Readonly<Record<string, string>> {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, 'include/node/node_api.h')) ? { npm_config_nodedir: prefix } : {};
}

function cachedName(folder: string): string {
  const { version } = require(join(folder, 'package.json'));
  return `tfjs_binding-${version}-${process.arch}.node`;
}
