// Supervise: the one place where an error's kind becomes an action.
// Flow: a service's background work → fails → again after a bounded pause (retryable), at the least pause (poison, refused:
//       reported, the work goes on behind it), or not at all (fatal, bug: the caller drains and exits).
// Invariant: nothing is swallowed: every failure is reported or rethrown.

import { type Clock, sleepUnless } from '../domain/clock.ts';
import { type ErrorKind, MillraceError } from '../domain/errors.ts';
import type { Log } from '../telemetry/logger.ts';
import { type Backoff, backoffMs } from './backoff.ts';

export type Action = 'retry' | 'go-on' | 'stop';

/** Default pauses between tries of failed work. */
export const WORK_BACKOFF: Backoff = { firstMs: 100, maxMs: 10_000 };
/** Work that ran this long without failing starts its back-off anew. */
const HEALTHY_AFTER_MS = 30_000;

/** What to do about a thrown value; anything that is not of the catalogue is a bug. */
export function actionOf(error: unknown): Action {
  const kind: ErrorKind = error instanceof MillraceError ? error.kind : 'bug';
  switch (kind) {
    case 'retryable':
      return 'retry';
    case 'poison':
    case 'refused':
      return 'go-on';
    case 'fatal':
    case 'bug':
      return 'stop';
  }
}

export interface SuperviseOptions {
  readonly service: string;
  /** Name of the work in the log. */
  readonly work: string;
  readonly clock: Clock;
  readonly log: Log;
  /** 0..1, drawn anew for each pause. */
  readonly jitter: () => number;
  /** Ends the supervision; `run` sees it too. */
  readonly ended: AbortSignal;
  readonly backoff?: Backoff;
}

/** Runs `run` until it returns or `ended` aborts. @throws what `run` threw when that is fatal or a bug */
export async function supervise(run: (ended: AbortSignal) => Promise<void>, options: SuperviseOptions): Promise<void> {
  const { service, work, clock, log, ended } = options;
  const backoff = options.backoff ?? WORK_BACKOFF;
  let attempt = 0;
  while (!ended.aborted) {
    const startedMs = clock.nowMs();
    try {
      return await run(ended);
    } catch (error) {
      const action = actionOf(error);
      if (action === 'stop') throw error;
      if (ended.aborted) return;
      const healthy = clock.nowMs() - startedMs >= HEALTHY_AFTER_MS;
      attempt = action === 'go-on' || healthy ? 1 : attempt + 1;
      const pauseMs = backoffMs(attempt, backoff, options.jitter());
      log('work-restarted', { service, work, error, pauseMs });
      await sleepUnless(clock, pauseMs, ended);
    }
  }
}
