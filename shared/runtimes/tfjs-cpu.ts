// tfjs-cpu: TFJS models in plain JavaScript; slow, and it runs wherever Node does. The last fall-back.

import { MillraceError } from '../domain/errors.ts';
import type { ModelRuntime, OpenRuntime } from './runtime.ts';
import { requireOptional, requireTf } from './tfjs-library.ts';
import { loadTfjs } from './tfjs-model.ts';

const PACKAGE = '@tensorflow/tfjs-backend-cpu';

export const tfjsCpu: ModelRuntime = {
  id: 'tfjs-cpu',
  formats: ['tfjs-layers', 'tfjs-graph'],
  open: openCpu,
};

async function openCpu(): Promise<OpenRuntime> {
  const tf = requireTf('tfjs-cpu');
  const cpu = requireOptional('tfjs-cpu', PACKAGE, `npm install ${PACKAGE}`) as { readonly version_cpu: string };
  if (!(await tf.setBackend('cpu'))) {
    throw new MillraceError('RUNTIME_UNAVAILABLE', { runtime: 'tfjs-cpu', detail: 'the backend does not start' });
  }
  await tf.ready();
  return {
    label: `tfjs-cpu ${cpu.version_cpu}`,
    load: (entry, format, signature) => loadTfjs(tf, entry, { format, signature }),
  };
}
