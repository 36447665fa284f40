// Goal: a partition is rested when no commit is under way and the last one was as long ago as it took, and nobody waits for long.

import { expect, test } from 'vitest';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { Pace, REST_MS_MAX } from './pace.ts';

function paceOf() {
  const clock = new VirtualClock();
  const lost = new AbortController();
  const pace = new Pace(clock, lost.signal);
  const told: number[] = [];
  const beganMs = clock.nowMs();
  pace.onRested = () => told.push(clock.nowMs() - beganMs);
  return { clock, lost, pace, told };
}

test('the first commit waits for nobody', () => {
  expect(paceOf().pace.rested).toBe(true);
});

test('while one is under way it is not rested', async () => {
  const { clock, pace } = paceOf();
  const done = pace.during(clock.sleep(10));
  expect(pace.rested).toBe(false);
  await clock.advance(10);
  await done;
});

test('after one it rests as long as that took, and tells', async () => {
  const { clock, pace, told } = paceOf();
  void pace.during(clock.sleep(10));
  await clock.advance(19);
  expect(pace.rested).toBe(false);
  await clock.advance(1);
  expect(pace.rested).toBe(true);
  expect(told).toEqual([20]);
});

test('no rest is longer than its limit, however long the commit took', async () => {
  const { clock, pace, told } = paceOf();
  void pace.during(clock.sleep(10_000));
  await clock.advance(10_000 + REST_MS_MAX);
  expect(pace.rested).toBe(true);
  expect(told).toEqual([10_000 + REST_MS_MAX]);
});

test('one that began in the rest of another has its own: nobody is let in early', async () => {
  const { clock, pace, told } = paceOf();
  void pace.during(clock.sleep(20));
  await clock.advance(25);
  void pace.during(clock.sleep(20));
  await clock.advance(15);
  expect(told).toEqual([40]);
  expect(pace.rested).toBe(false);
  await clock.advance(25);
  expect(pace.rested).toBe(true);
  expect(told).toEqual([40, 65]);
});

test('a failed commit is told, and rests like any other', async () => {
  const { clock, pace } = paceOf();
  const failed = pace.during(clock.sleep(10).then(() => Promise.reject(new RangeError('gone'))));
  const told = expect(failed).rejects.toThrow('gone');
  await clock.advance(10);
  await told;
  expect(pace.rested).toBe(false);
  await clock.advance(10);
  expect(pace.rested).toBe(true);
});

test('who has lost its partition rests no more', async () => {
  const { clock, lost, pace } = paceOf();
  void pace.during(clock.sleep(10));
  await clock.advance(11);
  lost.abort();
  await clock.settle();
  expect(pace.rested).toBe(true);
});
