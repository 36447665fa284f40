// Steps: programs that the set-up runs, with words for what goes wrong.
// Exit codes of the set-up: 0 tfjs-node loads, 1 a step failed, 3 this machine cannot do it (and why).

import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { MillraceError } from '../../domain/errors.ts';
import { endText } from '../child-program.ts';

const PROGRAM_CHECK_TIMEOUT_MS = 20_000;
const ERROR_CHARS_MAX = 4_000;

/** What is missing on this machine: exit code 3. */
export function impossible(detail: string): MillraceError {
  return new MillraceError('RUNTIME_UNAVAILABLE', { runtime: 'tfjs-node', detail });
}

/**
 * Runs a program to its end.
 * @returns what it printed on stdout
 * @throws SETUP_FAILED with the end of what it printed on stderr
 */
export function run(step: string, command: readonly string[], options: SpawnSyncOptions): string {
  const [file = '', ...args] = command;
  const done = spawnSync(file, args, { ...options, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (done.status === 0) return String(done.stdout);
  const printed = `${done.stdout ?? ''}\n${done.stderr ?? ''}`.trim().slice(-ERROR_CHARS_MAX);
  const how = done.error?.message ?? endText(done.status, done.signal);
  throw new MillraceError('SETUP_FAILED', { step, detail: `${how}\n${printed}` });
}

/** The first of `commands` that runs (with `args`), or null. */
export function firstThatRuns(
  commands: readonly (readonly string[])[],
  args: readonly string[],
): readonly string[] | null {
  const found = commands.find(([file = '', ...rest]) => {
    const done = spawnSync(file, [...rest, ...args], { stdio: 'ignore', timeout: PROGRAM_CHECK_TIMEOUT_MS });
    return done.status === 0;
  });
  return found ?? null;
}
