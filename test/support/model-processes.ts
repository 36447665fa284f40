// ModelProcesses: the processes in which a scorer runs its models, for tests that hurt them (Linux: /proc).

import { readdirSync, readFileSync } from 'node:fs';

/** What a model's process runs (shared/runtimes). */
const MODEL_PROGRAM = 'child-main';
/** What starts them. */
const SPAWNER_PROGRAM = 'spawner-main';

/** Process ids of the models that a scorer runs now; none where it has ended. */
export function modelProcesses(scorerPid: number | null): number[] {
  return spawners(scorerPid)
    .flatMap(childrenOf)
    .filter((pid) => runs(pid, MODEL_PROGRAM));
}

/** Process ids of what starts them. */
export function spawners(scorerPid: number | null): number[] {
  return childrenOf(scorerPid).filter((pid) => runs(pid, SPAWNER_PROGRAM));
}

function childrenOf(pid: number | null): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' '))
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}

function runs(pid: number, program: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(program);
  } catch {
    return false;
  }
}

/** Whether it runs: a process whose end nobody has heard of yet does not. */
export function isAlive(pid: number): boolean {
  try {
    const state = /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return state !== 'Z';
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
