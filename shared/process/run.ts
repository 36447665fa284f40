// Run: the life of a service process: start → ready → (signal or failure) → drain → stop → exit code.
// Flow: services/<name>/main.ts calls `runProcess` and does nothing else.
// Invariant: a start that a signal ends and a drain are bounded; the second signal ends the process at once; the exit code
//            says how it ended (EXIT); the ready file is there only while the service is ready.

import { rmSync, writeFileSync } from 'node:fs';
import { aborted, type Clock, sleepUnless } from '../domain/clock.ts';
import { MillraceError } from '../domain/errors.ts';
import type { Log } from '../telemetry/logger.ts';

/** Exit codes of services. 128 + n (130, 143) is an end by a second signal. */
export const EXIT = { ok: 0, failed: 1, usage: 2, drainTimedOut: 3, bug: 70 } as const;

/** Longest a service may take to commit what it has taken and to leave its groups. */
export const DRAIN_TIMEOUT_MS = 15_000;

/** Longest that a start may go on after a signal, to close what it has opened. */
const START_GRACE_MS = 2_000;

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
  readonly start: (life: Life) => Promise<Started>;
  readonly drainTimeoutMs?: number;
  /** Exists from ready to the end of ready; for health checks. Empty or absent: none. */
  readonly readyFile?: string;
  /** Default: this process. */
  readonly host?: ProcessHost;
}

interface Started {
  stop(): Promise<void>;
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
      notReady(options);
      host.exit(EXIT.bug);
    });
  }

  let exitCode: number = EXIT.ok;
  try {
    // A process that was killed could not remove it.
    notReady(options);
    const starting = options.start({ ended: ending.signal, fail });
    const inTime = await Promise.race([starting, aborted(ending.signal).then(() => null)]);
    const running = inTime ?? (await startedLate(starting, options.clock));
    if (!ending.signal.aborted) {
      if (options.readyFile) writeFileSync(options.readyFile, '');
      log('service-started', { service, settings: options.settings });
      await aborted(ending.signal);
      notReady(options);
    }
    log('service-stopping', { service, cause });
    if (running !== null && !(await stopped(running, options))) exitCode = EXIT.drainTimedOut;
  } catch (error) {
    fail(error);
  }
  if (failure !== null) exitCode = exitCodeOf((failure as { readonly error: unknown }).error);
  log('service-stopped', { service, exitCode });
  host.exit(exitCode);
}

/**
 * Starts a service on what it stands on, usually its bus, which is closed after the service; and at once when the start
 * fails or is ended by a signal, so that a start that waits for a broker ends too.
 */
export async function startOn(
  base: { close(): Promise<void> },
  { ended }: Pick<Life, 'ended'>,
  start: () => Promise<Started>,
): Promise<Started> {
  const close = () => void base.close();
  ended.addEventListener('abort', close);
  try {
    const running = await start();
    return {
      stop: async () => {
        await running.stop();
        await base.close();
      },
    };
  } catch (error) {
    await base.close();
    throw error;
  } finally {
    ended.removeEventListener('abort', close);
  }
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

function notReady({ readyFile }: ProcessOptions): void {
  if (readyFile) rmSync(readyFile, { force: true });
}

/** What a start gives that a signal has ended; null when it fails over that, or goes on too long. */
async function startedLate(starting: Promise<Started>, clock: Clock): Promise<Started | null> {
  const done = new AbortController();
  const tooLate = sleepUnless(clock, START_GRACE_MS, done.signal).then(() => null);
  try {
    return await Promise.race([starting.catch(() => null), tooLate]);
  } finally {
    done.abort();
  }
}

/** Whether it stopped within the drain time-out. */
async function stopped(running: Started, options: ProcessOptions): Promise<boolean> {
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
