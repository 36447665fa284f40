// Eventually: waits for a condition, with a bound and with words for the one who reads why a test failed.

import { MillraceError } from '../../shared/domain/errors.ts';
import { systemClock } from '../../shared/process/clock.ts';

const POLL_MS = 50;

/** What `probe` gives once it is neither null, undefined nor false. @throws TIMED_OUT with `what`, and `detail` then */
export async function eventually<T>(
  what: string,
  probe: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  options: { readonly timeoutMs: number; readonly detail?: () => string },
): Promise<T> {
  const deadlineMs = systemClock.nowMs() + options.timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== null && found !== undefined && found !== false) return found;
    if (systemClock.nowMs() > deadlineMs) {
      const detail = `after ${options.timeoutMs} ms still waiting until ${what}; ${options.detail?.() ?? ''}`;
      throw new MillraceError('TIMED_OUT', { detail });
    }
    await systemClock.sleep(POLL_MS);
  }
}
