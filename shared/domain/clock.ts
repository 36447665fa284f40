// Clock: time as a port, so that the pure ring and the simulation decide what "now" is.

/** Wall time in milliseconds since the epoch, and waiting. Real: `shared/process/clock.ts`. */
export interface Clock {
  nowMs(): number;
  /** Microseconds since some fixed moment, never set back: for durations. */
  monotonicUs(): number;
  /** Resolves after `ms`, or at once when `signal` aborts (it never rejects). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Resolves when the first of `signals` aborts. Leaves no listener behind. */
export function aborted(...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    if (signals.some((signal) => signal.aborted)) return resolve();
    const done = () => {
      for (const signal of signals) signal.removeEventListener('abort', done);
      resolve();
    };
    for (const signal of signals) signal.addEventListener('abort', done);
  });
}

/** Given as an abort's reason, so that no error is made up, with its stack, for each of very many waits. */
export const WOKEN = 'woken';

/** Sleeps `ms` unless one of `signals` aborts first. */
export async function sleepUnless(clock: Clock, ms: number, ...signals: readonly AbortSignal[]): Promise<void> {
  const wake = new AbortController();
  const wakeUp = () => wake.abort(WOKEN);
  for (const signal of signals) signal.addEventListener('abort', wakeUp);
  if (signals.some((signal) => signal.aborted)) wakeUp();
  await clock.sleep(ms, wake.signal);
  for (const signal of signals) signal.removeEventListener('abort', wakeUp);
}

/** Outcome of `work`, unless `signal` aborts first: then it rejects with `error()`. Leaves no listener behind. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal, error: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const give = () => reject(error());
    if (signal.aborted) give();
    signal.addEventListener('abort', give);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', give));
  });
}
