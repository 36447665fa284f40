// Goal: one broker that hangs costs half a second, not a time-out, and nobody is asked without need.

import { beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { firstAnswer } from './first-answer.ts';

const HEDGE_MS = 500;
const TIMEOUT_MS = 5_000;

let clock = new VirtualClock();
let asked: { readonly of: string; readonly atMs: number }[] = [];

beforeEach(() => {
  clock = new VirtualClock();
  asked = [];
});

/** What each one does: `answers`, `fails`, or `hangs` until its time-out. */
async function ask(...candidates: readonly string[]) {
  const startMs = clock.nowMs();
  const answered = firstAnswer(
    candidates,
    async (candidate) => {
      asked.push({ of: candidate, atMs: clock.nowMs() - startMs });
      if (candidate.startsWith('hangs')) await clock.sleep(TIMEOUT_MS);
      if (!candidate.startsWith('answers')) throw new RangeError(candidate);
      return candidate;
    },
    { clock, hedgeMs: HEDGE_MS },
  ).then(
    (answer) => ({ answer, afterMs: clock.nowMs() - startMs }),
    (error: Error) => ({ error: error.message, afterMs: clock.nowMs() - startMs }),
  );
  await clock.advance(2 * TIMEOUT_MS);
  return answered;
}

describe('the first answer', () => {
  it('is that of the first one, and then nobody else is asked', async () => {
    expect(await ask('answers', 'answers-too')).toEqual({ answer: 'answers', afterMs: 0 });
    expect(asked).toHaveLength(1);
  });

  it('comes at once from the next one when the first ones fail', async () => {
    expect(await ask('fails', 'fails-too', 'answers')).toEqual({ answer: 'answers', afterMs: 0 });
  });

  it('comes from the next one half a second after one that hangs was asked', async () => {
    expect(await ask('hangs', 'answers')).toEqual({ answer: 'answers', afterMs: HEDGE_MS });
    expect(await ask('hangs', 'fails', 'answers')).toEqual({ answer: 'answers', afterMs: HEDGE_MS });
    expect(await ask('hangs', 'hangs-too', 'answers')).toEqual({ answer: 'answers', afterMs: 2 * HEDGE_MS });
  });

  it('does not come when all fail or hang: the last failure is told', async () => {
    expect(await ask('fails', 'fails-too')).toEqual({ error: 'fails-too', afterMs: 0 });
    expect(await ask('hangs', 'fails')).toEqual({ error: 'hangs', afterMs: TIMEOUT_MS });
  });
});
