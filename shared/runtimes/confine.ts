// Confine: how a model's process is kept from hurting its neighbours: priority, memory cap, death with its parent.
// Invariant: what the machine lacks (no prlimit, no /proc) is reported, never silently assumed.

import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const MIB_BYTES = 1024 * 1024;
const LIMIT_TIMEOUT_MS = 2_000;
/** Models go first when the machine runs out of memory: the worker that reports it must live. */
const OOM_SCORE_ADJUST = '500';
/** Folders of `nice`, `prlimit` and `setpriv` where the worker's PATH is empty. */
const SYSTEM_PATH = '/usr/local/bin:/usr/bin:/bin';

/**
 * All of a model process's environment: nothing of the worker's (its broker password, say) but where libraries lie.
 * TensorFlow takes its thread counts from here only; one thread each, because the house scales by processes.
 */
export function modelEnvironment(own: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept = ['LD_LIBRARY_PATH', 'PATH', 'TMPDIR', 'TZ'].flatMap((name) => {
    const value = own[name];
    return value === undefined ? [] : [[name, value]];
  });
  return {
    ...Object.fromEntries(kept),
    TF_CPP_MIN_LOG_LEVEL: '2',
    TF_NUM_INTEROP_THREADS: '1',
    TF_NUM_INTRAOP_THREADS: '1',
  };
}

/** `command` with CPU priority `nice`, killed by the kernel when its parent dies even if it hangs (util-linux). */
export function confinedCommand(command: readonly string[], nice: number): readonly string[] {
  const setpriv = findProgram('setpriv');
  const dying = setpriv === null ? command : [setpriv, '--pdeathsig', 'KILL', ...command];
  const program = nice === 0 ? null : findProgram('nice');
  return program === null ? dying : [program, '-n', String(nice), ...dying];
}

/**
 * Caps what this process may allocate from now on to `memoryMb` MiB above what it has (RLIMIT_DATA: heap and native).
 * @returns whether the kernel enforces it
 */
export function capOwnMemory(memoryMb: number): boolean {
  const dataBytes = ownDataBytes();
  const prlimit = findProgram('prlimit');
  if (dataBytes === null || prlimit === null) return false;
  const limit = dataBytes + memoryMb * MIB_BYTES;
  const done = spawnSync(prlimit, ['--pid', String(process.pid), `--data=${limit}:${limit}`], {
    stdio: 'ignore',
    timeout: LIMIT_TIMEOUT_MS,
  });
  return done.status === 0;
}

/** A terminal's Ctrl-C reaches the whole group: the worker decides when its models end, by closing their sockets and its channel. */
export function leaveEndToWorker(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
}

/** Best effort: some containers forbid it, and nothing depends on it. */
export function offerToOomKiller(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', OOM_SCORE_ADJUST);
  } catch {
    // Not Linux, or forbidden: the kernel picks by size, which is a model's process more often than not.
  }
}

/** Private memory of a process in bytes as the kernel counts it (RssAnon), or null where /proc does not say. */
export function residentBytes(pid: number): number | null {
  return statusBytes(`/proc/${pid}/status`, 'RssAnon');
}

function ownDataBytes(): number | null {
  return statusBytes('/proc/self/status', 'VmData');
}

function statusBytes(path: string, field: string): number | null {
  try {
    const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(path, 'utf8'));
    return found === null ? null : Number(found[1]) * 1024;
  } catch {
    return null;
  }
}

function findProgram(name: string): string | null {
  const folders = (process.env.PATH || SYSTEM_PATH).split(delimiter).filter((folder) => folder.startsWith('/'));
  for (const folder of folders) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // Not in this folder.
    }
  }
  return null;
}
