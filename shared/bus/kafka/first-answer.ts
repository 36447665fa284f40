// First answer: a question that any broker can answer, to one after another until one has.
// Why not one at a time: a broker that hangs is silent for as long as a time-out lasts, which is long because a busy one may
//       be slow.

import type { Clock } from '../../domain/clock.ts';
import { assert } from '../../domain/errors.ts';

export interface Asking {
  readonly clock: Clock;
  /** After so long without an answer the next one is asked as well, milliseconds. */
  readonly hedgeMs: number;
}

/**
 * The first answer of any of `candidates`, which are asked in this order. A failure is followed by the next at once.
 * @param candidates at least one
 * @throws the last failure when all have failed
 */
export function firstAnswer<T>(
  candidates: readonly string[],
  ask: (candidate: string) => Promise<T>,
  { clock, hedgeMs }: Asking,
): Promise<T> {
  assert(candidates.length > 0, 'somebody is asked');
  const over = new AbortController();
  let [asked, failed] = [0, 0];
  return new Promise<T>((resolve, reject) => {
    const askNext = (): void => {
      const candidate = candidates[asked];
      if (candidate === undefined || over.signal.aborted) return;
      asked++;
      ask(candidate).then(resolve, (error: unknown) => {
        failed++;
        if (failed === candidates.length) reject(error);
        else askNext();
      });
      void clock.sleep(hedgeMs, over.signal).then(askNext);
    };
    askNext();
  }).finally(() => over.abort());
}
