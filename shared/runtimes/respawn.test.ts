// Goal: a broken process backs off and is given up; a poison row that kills it a dozen times in a row is not a verdict.

import { expect, test } from 'vitest';
import {
  ALL_DEATHS_MAX,
  afterAnswer,
  afterBatchDeath,
  afterFailedStart,
  BATCH_DEATHS_MAX,
  BATCH_DEATHS_WINDOW_MS,
  FAILED_STARTS_MAX,
  NO_DEATHS,
  type RespawnDecision,
  type RespawnState,
} from './respawn.ts';

function states(count: number, next: (state: RespawnState) => RespawnDecision): RespawnDecision[] {
  const decisions: RespawnDecision[] = [];
  let state = NO_DEATHS;
  for (let step = 0; step < count; step++) {
    const decision = next(state);
    decisions.push(decision);
    if (decision.action === 'respawn') state = decision.state;
  }
  return decisions;
}

test('a process that does not come up is tried again after 0.25, 0.5, 1 and 2 s, and then given up', () => {
  const decisions = states(FAILED_STARTS_MAX, afterFailedStart);
  const delays = decisions.map((decision) => (decision.action === 'respawn' ? decision.delayMs : decision.why));
  expect(delays).toEqual([250, 500, 1_000, 2_000, '5 starts in a row failed']);
});

test('bisecting 256 rows, two attempts each, kills the process 18 times in a row and is not given up', () => {
  const decisions = states(18, (state) => afterBatchDeath(state, 1_000));
  expect(decisions.every((decision) => decision.action === 'respawn' && decision.delayMs === 0)).toBe(true);
});

test('deaths with no answer in between, within the window, open the circuit', () => {
  const decisions = states(BATCH_DEATHS_MAX, (state) => afterBatchDeath(state, 1_000));
  expect(decisions.at(-1)).toEqual({ action: 'give-up', why: 'it died 24 times with no answer in between' });
});

test('an answer in between, or a window gone by, starts the count again', () => {
  const late = (nowMs: number) => {
    let state: RespawnState = { ...NO_DEATHS, batchDeaths: BATCH_DEATHS_MAX - 1 };
    const decision = afterBatchDeath(state, nowMs);
    if (decision.action === 'respawn') state = decision.state;
    return [decision.action, state.batchDeaths];
  };
  expect(late(BATCH_DEATHS_WINDOW_MS)).toEqual(['give-up', BATCH_DEATHS_MAX - 1]);
  expect(late(BATCH_DEATHS_WINDOW_MS + 1)).toEqual(['respawn', 1]);
  expect(afterAnswer(NO_DEATHS)).toEqual(NO_DEATHS);
  expect(afterAnswer({ ...NO_DEATHS, failedStarts: 1, batchDeaths: 9, firstDeathMs: 5 })).toEqual(NO_DEATHS);
});

test('deaths that go on and on open the circuit in the end, though batches are answered in between', () => {
  const answeredBetween = (gapMs: number) => {
    let atMs = 0;
    return states(ALL_DEATHS_MAX, (state) => {
      atMs += gapMs;
      return afterBatchDeath(afterAnswer(state), atMs);
    });
  };
  const [last, before] = answeredBetween(10_000).reverse();
  expect(before?.action).toBe('respawn');
  expect(last).toEqual({ action: 'give-up', why: 'it died 512 times in a few hours' });
  expect(answeredBetween(60_000).every((decision) => decision.action === 'respawn')).toBe(true);
});
