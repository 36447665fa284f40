// Service: a service as a process of its own, as an operator runs it, for the variants that have it beside the live road.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { MillraceError } from '../../../shared/domain/errors.ts';
import { confinedCommand } from '../../../shared/runtimes/confine.ts';
import { NICE_LIVE } from '../../../shared/runtimes/spawn.ts';

export interface BesideService {
  readonly pid: number | null;
  /** Holds it still, or lets it go on: what lies in the log when it goes on lies there for everyone. */
  hold(still: boolean): void;
  stop(): Promise<void>;
}

/** Starts a service. Resolves once it says that it works. @throws ASSERTION when it ends instead */
export async function startService(
  name: 'shadow' | 'comparator',
  settings: { readonly brokers: readonly string[]; readonly prefix: string; readonly repository: string },
): Promise<BesideService> {
  const entry = fileURLToPath(new URL(`../../../services/${name}/main.js`, import.meta.url));
  const { PATH = '', HOME = '', TMPDIR = '/tmp' } = process.env;
  const [file = process.execPath, ...args] = confinedCommand([process.execPath, entry], NICE_LIVE);
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A session of its own, as a service manager gives it; the terminal's Ctrl-C does not reach it there, but it dies with the bench.
    detached: true,
    env: {
      ...{ PATH, HOME, TMPDIR, MILLRACE_CLIENT_ID: `bench-${name}` },
      MILLRACE_BROKERS: settings.brokers.join(','),
      MILLRACE_PREFIX: settings.prefix,
      MILLRACE_REPOSITORY: settings.repository,
    },
  });
  await started(name, child);
  return {
    pid: child.pid ?? null,
    hold: (still) => void child.kill(still ? 'SIGSTOP' : 'SIGCONT'),
    stop: async () => {
      if (child.exitCode !== null) return;
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

async function started(name: string, child: ChildProcess): Promise<void> {
  for (const output of [child.stdout, child.stderr]) {
    if (output !== null) createInterface({ input: output }).on('line', (line) => child.emit('line', line));
  }
  await new Promise<void>((resolve, reject) => {
    child.on('line', (line: string) => line.includes('"service-started"') && resolve());
    child.once('exit', () => reject(new MillraceError('ASSERTION', { detail: `the ${name} ended` })));
  });
}
