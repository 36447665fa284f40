// Run: the life of a service process: start → ready → (signal or failure) → drain → stop → exit code.
// Flow: services/<name>/main.ts calls `runProcess` and does nothing else.
// Invariant: a drain is bounded; the second signal ends the process at once; the exit code says how it ended (EXIT).

import { rmSync, writeFileSync } from 'node:fs';
import { type Clock, sleepUnless } from '../domain/clock.ts';
import { MillraceError } from '../domain/errors.ts';
import type { Log } from '../telemetry/logger.ts';

/** Exit codes of services. 128 + n (130, 143) is an end by a second signal. */
export const EXIT = { ok: 0, failed: 1, usage: 2, drainTimedOut: 3, bug: 70 } as const;

/** Longest a service may take to commit what it has taken and to leave its groups. */
export const DRAIN_TIMEOUT_MS = 15_000;

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
type Signal = keyof typeof SIGNALS;

export interface ProcessOptions {
  readonly service: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Settings in force, secrets hidden (`shownConfig`). */
  readonly settings: Readonly<Record<string, unknown>>;
  /**
   * Starts the service; `fail` ends it later with an error. `ended` aborts when a signal comes while it still starts.
   */
  readonly start: (life: Life) => Promise<{ stop(): Promise<void> }>;
  readonly drainTimeoutMs?: number;
  /** Exists from ready to the end of ready; for health checks. Empty or absent: none. */
  readonly readyFile?: string;
  /** Default: this process. */
  readonly host?: ProcessHost;
}

export interface Life {
  readonly ended: AbortSignal;
  fail(error: unknown): void;
}

/** What `runProcess` needs of Node's `process`. */
export interface ProcessHost {
  on(event: Signal | 'uncaughtException' | 'unhandledRejection', listener: (what: unknown) => void): void;
  exit(code: number): void;
}

/** Runs one service to its end and exits with its code. Resolves only where `host.exit` returns (tests). */
export async function runProcess(options: ProcessOptions): Promise<void> {
  const host: ProcessHost = options.host ?? process;
  const { service, log } = options;
  const ending = new AbortController();
  let failure: { readonly error: unknown } | null = null;
  let cause = 'its work is done';

  const end = (why: string) => {
    if (!ending.signal.aborted) cause = why;
    ending.abort();
  };
  const fail = (error: unknown) => {
    failure ??= { error };
    log('service-failed', { service, error });
    end('it failed');
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    host.on(signal, () => (ending.signal.aborted ? host.exit(SIGNALS[signal]) : end(signal)));
  }
  // Whatever nobody caught is a bug: what is open is aborted by the broker, not by us.
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    host.on(event, (error) => {
      log('service-failed', { service, error });
      host.exit(EXIT.bug);
    });
  }

  let exitCode: number = EXIT.ok;
  try {
    const running = await options.start({ ended: ending.signal, fail });
    if (options.readyFile) writeFileSync(options.readyFile, '');
    log('service-started', { service, settings: options.settings });
    if (!ending.signal.aborted) await new Promise((resolve) => ending.signal.addEventListener('abort', resolve));
    if (options.readyFile) rmSync(options.readyFile, { force: true });
    log('service-stopping', { service, cause });
    if (!(await stopped(running, options))) exitCode = EXIT.drainTimedOut;
  } catch (error) {
    fail(error);
  }
  if (failure !== null) exitCode = exitCodeOf((failure as { readonly error: unknown }).error);
  log('service-stopped', { service, exitCode });
  host.exit(exitCode);
}

/**
 * What `make` gives, or the end of the process with one readable line: for what must be right before anything starts.
 * @param host default: this process, and its standard error
 */
export function orExit<T>(make: () => T, host: Pick<ProcessHost, 'exit'> & { say?(line: string): void } = process): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error;
    const say = host.say ?? ((line: string) => process.stderr.write(line));
    say(`${error.code}: ${error.message}. ${error.action}\n`);
    host.exit(exitCodeOf(error));
    throw error;
  }
}

/** Exit code for what ended a process. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof MillraceError)) return EXIT.bug;
  if (error.code === 'CONFIG_INVALID' || error.code === 'USAGE') return EXIT.usage;
  return error.kind === 'bug' ? EXIT.bug : EXIT.failed;
}

/** Whether it stopped within the drain time-out. */
async function stopped(running: { stop(): Promise<void> }, options: ProcessOptions): Promise<boolean> {
  const done = new AbortController();
  const drained = running.stop().then(() => true);
  const timedOut = sleepUnless(options.clock, options.drainTimeoutMs ?? DRAIN_TIMEOUT_MS, done.signal).then(
    () => false,
  );
  try {
    return await Promise.race([drained, timedOut]);
  } finally {
    done.abort();
  }
}
