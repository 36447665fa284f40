// Workers: slices of all targets on as many threads as there are cores. A thread that hangs or dies is a finding, and the
// input that it was at is read from shared memory.

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../../shared/process/clock.ts';
import type { Finding } from './judge.ts';
import type { SliceReport } from './run.ts';
import { INPUT_BYTES_MAX } from './target.ts';

export interface Job {
  readonly target: string;
  readonly seed: number;
  readonly slice: number;
  readonly inputs: number;
  /** With coverage. */
  readonly explores: boolean;
  readonly corpus: readonly Uint8Array[];
  readonly first: readonly Uint8Array[];
}

/** A slice of a target: part of its inputs explores, the rest starts from what that part kept. */
export type SliceJob = Omit<Job, 'explores' | 'corpus' | 'first'>;

/** `now`: how many inputs were begun, and the length of the last; `bytes`: the last itself. */
export interface Shared {
  readonly now: SharedArrayBuffer;
  readonly bytes: SharedArrayBuffer;
}

export type Told =
  | { readonly job: Job; readonly report: SliceReport }
  | { readonly job: Job; readonly finding: Finding };

/** Part of the inputs that runs with coverage, which makes them several times as slow. */
const EXPLORED_SHARE = 0.05;
/** No input may take longer than this. The limit on CPU time is far below; it is judged where the input runs. */
const HUNG_MS = 30_000;
/** Until its first input a thread loads the decoders. */
const LOADED_MS = 120_000;
const LOOK_EVERY_MS = 1_000;
/** A thread's own heap may grow to this. */
const THREAD_HEAP_MB = 512;

export async function runJobs(jobs: readonly SliceJob[], tell: (told: Told) => void): Promise<void> {
  const rest = [...jobs];
  const work = async (): Promise<void> => {
    for (let job = rest.shift(); job !== undefined; job = rest.shift()) {
      const explored = Math.ceil(job.inputs * EXPLORED_SHARE);
      const first = await runJob({ ...job, inputs: explored, explores: true, corpus: [], first: [] });
      tell(first);
      const { kept, postponed } = 'report' in first ? first.report : { kept: [], postponed: [] };
      const inputs = job.inputs - explored;
      tell(await runJob({ ...job, inputs, explores: false, corpus: kept, first: postponed }));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
}

async function runJob(job: Job): Promise<Told> {
  const shared: Shared = { now: new SharedArrayBuffer(8), bytes: new SharedArrayBuffer(INPUT_BYTES_MAX + 1) };
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData: { job, shared },
    resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP_MB },
  });
  const ended = new AbortController();
  const lost = (words: string): Told => ({
    job,
    finding: { target: job.target, words, stack: '', hex: lastInput(shared) },
  });
  const report = new Promise<Told>((resolve) => {
    worker.once('message', (message: SliceReport) => resolve({ job, report: message }));
    worker.once('error', (error) => resolve(lost(`the thread died: ${String(error)}`)));
    worker.once('exit', (code) => resolve(lost(`the thread ended with ${code}`)));
  });
  const hung = watch(shared, ended.signal).then((stuck) =>
    stuck ? lost(`no end after ${HUNG_MS / 1_000} s`) : report,
  );
  const told = await Promise.race([report, hung]);
  ended.abort();
  await worker.terminate();
  return told;
}

/** True when the count of inputs stands still; false when `signal` aborts. */
async function watch({ now }: Shared, signal: AbortSignal): Promise<boolean> {
  const counters = new Int32Array(now);
  let [seen, sinceMs] = [0, systemClock.nowMs()];
  while (!signal.aborted) {
    await systemClock.sleep(LOOK_EVERY_MS, signal);
    const count = Atomics.load(counters, 0);
    if (count !== seen) [seen, sinceMs] = [count, systemClock.nowMs()];
    else if (systemClock.nowMs() - sinceMs > (count === 0 ? LOADED_MS : HUNG_MS)) return true;
  }
  return false;
}

function lastInput({ now, bytes }: Shared): string {
  return Buffer.from(bytes).subarray(0, new Int32Array(now)[1]).toString('hex');
}
