// ModelProcesses: the processes in which a scorer runs its models, for tests that hurt them (Linux: /proc).

import { readdirSync, readFileSync } from 'node:fs';

/** What a model's process runs (shared/runtimes). */
const MODEL_PROGRAM = 'child-main';

/** Process ids of the models that a scorer runs now; none where it has ended. */
export function modelProcesses(scorerPid: number | null): number[] {
  try {
    return readdirSync(`/proc/${scorerPid}/task`)
      .flatMap((task) => readFileSync(`/proc/${scorerPid}/task/${task}/children`, 'utf8').split(' '))
      .filter(Boolean)
      .map(Number)
      .filter(isModel);
  } catch {
    return [];
  }
}

function isModel(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(MODEL_PROGRAM);
  } catch {
    return false;
  }
}

/** A process that has ended meanwhile is left in peace. */
export function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
