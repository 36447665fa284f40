// tfjs-wasm: TFJS models on WebAssembly with SIMD; the first fall-back where tfjs-node's addon is not built.

import { dirname, sep } from 'node:path';
import { errorText, MillraceError } from '../domain/errors.ts';
import type { ModelRuntime, OpenRuntime } from './runtime.ts';
import { requireOptional, requireTf, resolveFile } from './tfjs-library.ts';
import { loadTfjs } from './tfjs-model.ts';

const PACKAGE = '@tensorflow/tfjs-backend-wasm';

export const tfjsWasm: ModelRuntime = {
  id: 'tfjs-wasm',
  formats: ['tfjs-layers', 'tfjs-graph'],
  open: openWasm,
};

async function openWasm(): Promise<OpenRuntime> {
  const install = `npm install ${PACKAGE}`;
  const tf = requireTf('tfjs-wasm');
  const wasm = requireOptional('tfjs-wasm', PACKAGE, install) as {
    readonly version_wasm: string;
    setWasmPaths(folder: string): void;
  };
  wasm.setWasmPaths(dirname(resolveFile(PACKAGE)) + sep);
  const chosen = await tf.setBackend('wasm').catch((error: unknown) => {
    throw new MillraceError('RUNTIME_UNAVAILABLE', { runtime: 'tfjs-wasm', detail: errorText(error) }, error);
  });
  if (!chosen) throw new MillraceError('RUNTIME_UNAVAILABLE', { runtime: 'tfjs-wasm', detail: 'WebAssembly is off' });
  await tf.ready();
  return {
    label: `tfjs-wasm ${wasm.version_wasm}`,
    load: (entry, format, signature) => loadTfjs(tf, entry, { format, signature }),
  };
}
