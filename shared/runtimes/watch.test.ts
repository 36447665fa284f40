// Goal: a deadline is missed only by a batch that was the oldest for all of it. Method: a clock that counts slices.

import { expect, test } from 'vitest';
import type { Clock } from '../domain/clock.ts';
import { exceedsMemory, memoryWithoutCap, missesDeadline } from './watch.ts';

/** Time passes only by sleeping; `each` runs after every sleep. */
function steppingClock(each: (sleeps: number) => void): Clock & { sleptMs: number } {
  let sleeps = 0;
  return {
    sleptMs: 0,
    nowMs: () => 0,
    monotonicUs: () => 0,
    async sleep(ms) {
      this.sleptMs += ms;
      sleeps += 1;
      each(sleeps);
    },
  };
}

const forever = new AbortController().signal;

test('a batch that stays the oldest through its deadline misses it', async () => {
  const batch = {};
  const clock = steppingClock(() => undefined);
  expect(await missesDeadline({ clock, signal: forever }, 400, () => batch)).toBe(true);
  expect(clock.sleptMs).toBe(400);
});

test('batches that take turns miss nothing, however long it goes on', async () => {
  let oldest: object | undefined = {};
  const clock = steppingClock((sleeps) => {
    if (sleeps % 7 === 0) oldest = {};
    if (sleeps === 700) oldest = undefined;
  });
  expect(await missesDeadline({ clock, signal: forever }, 400, () => oldest)).toBe(false);
  expect(clock.sleptMs).toBe(700 * 50);
});

test('an aborted watch says nothing', async () => {
  const abort = new AbortController();
  const clock = steppingClock((sleeps) => {
    if (sleeps === 3) abort.abort();
  });
  expect(await missesDeadline({ clock, signal: abort.signal }, 400, () => clock)).toBe(false);
  expect(await exceedsMemory({ clock, signal: abort.signal }, process.pid, 0)).toBeNull();
});

test('memory is what the kernel says of the process, and a process that is gone has none', async () => {
  const clock = steppingClock(() => undefined);
  const ownBytes = await exceedsMemory({ clock, signal: forever }, process.pid, 1_000);
  expect(ownBytes).toBeGreaterThan(1_000);
  expect(await exceedsMemory({ clock, signal: forever }, 2 ** 30, 1_000)).toBeNull();
});

test('without a cap, memory is said to be watched only where it can be read', () => {
  expect(memoryWithoutCap(process.pid)).toContain('watched from outside');
  expect(memoryWithoutCap(2 ** 30)).toMatch(/^not capped/);
  expect(memoryWithoutCap(undefined)).toMatch(/^not capped/);
});
