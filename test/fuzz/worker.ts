// Worker: a thread that runs one slice of a target, and leaves in shared memory what it is at, for when it does not come back.
// Protocol: workerData: Job and Shared; message out: SliceReport.

import { parentPort, workerData } from 'node:worker_threads';
import { Coverage } from './coverage.ts';
import type { Target } from './target.ts';
import type { Job, Shared } from './workers.ts';

const { job, shared } = workerData as { readonly job: Job; readonly shared: Shared };
const counters = new Int32Array(shared.now);
const last = Buffer.from(shared.bytes);

/** The same target, its inputs kept where they outlive this thread. */
function watched(target: Target): Target {
  return {
    ...target,
    decode: (input) => {
      last.set(input);
      counters[1] = input.length;
      Atomics.add(counters, 0, 1);
      return target.decode(input);
    },
  };
}

const coverage = job.explores ? new Coverage() : undefined;
// Counting begins before the decoders are loaded: what was compiled earlier would never be counted.
coverage?.start();
const { targetNamed } = await import('./targets/registry.ts');
const { runSlice } = await import('./run.ts');
const options = coverage === undefined ? job : { ...job, coverage };
parentPort?.postMessage(await runSlice(watched(targetNamed(job.target)), options));
