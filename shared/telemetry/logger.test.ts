// Goal: one line per event, readable by machines and people, and no flood.
// Method: lines are collected, the clock is a variable.

import { expect, test } from 'vitest';
import type { Clock } from '../domain/clock.ts';
import { MillraceError } from '../domain/errors.ts';
import { createLog, type LoggerOptions } from './logger.ts';

function collect(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = [];
  let nowMs = 1_000;
  const clock: Clock = { nowMs: () => nowMs, monotonicUs: () => nowMs * 1_000, sleep: () => Promise.resolve() };
  const log = createLog({ level: 'info', clock, write: (line) => lines.push(line), ...options });
  return { log, lines, pass: (ms: number) => (nowMs += ms) };
}

test('an event is one JSON line with time, level, name, fields and its sentence', () => {
  const { log, lines } = collect();
  log('cut-written', { endpoint: 'digits', partition: 2, revision: 7, offset: 40 });
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    atMs: 1_000,
    level: 'info',
    event: 'cut-written',
    endpoint: 'digits',
    partition: 2,
    revision: 7,
    offset: 40,
    msg: 'plan 7 of digits applies in partition 2 from offset 40',
  });
});

test('an error of the catalogue is logged with its code and what to do, without a stack', () => {
  const { log, lines } = collect();
  const error = new MillraceError('TOPIC_UNKNOWN', { topic: 't' });
  log('endpoint-failed', { service: 'router', endpoint: 'digits', error });
  expect(JSON.parse(lines[0] ?? '').error).toEqual({
    code: 'TOPIC_UNKNOWN',
    kind: 'retryable',
    message: 'topic t does not exist',
    action: error.action,
  });
});

test('a foreign error keeps its stack', () => {
  const { log, lines } = collect();
  log('service-failed', { service: 'router', error: new TypeError('x is not a function') });
  expect(JSON.parse(lines[0] ?? '').error).toMatchObject({ kind: 'bug', stack: expect.stringContaining('TypeError') });
});

test('of a rollout event only what a reader needs is logged, not the plan and the evidence', () => {
  const { log, lines } = collect();
  const nothing = { settings: null, signature: null, spec: null, candidate: null, lane: null, weightBp: null };
  const event = {
    ...nothing,
    ...{
      plan: null,
      keepsIncumbent: null,
      outcome: null,
      snapshot: null,
      shadows: null,
      consumed: null,
      idempotencyKey: null,
    },
    ...{ type: 'rollout-refused' as const, endpoint: 'digits', seq: 4, atMs: 1, actor: 'ana', reason: 'try' },
    ...{ rollout: 'digits-2', phase: 'serving' as const, code: 'ROLLOUT_IN_PROGRESS', message: 'no' },
    evidence: ['w:blue:0'],
  };
  log('rollout-event', { event });
  const line = JSON.parse(lines[0] ?? '');
  expect(line).toMatchObject({ event: 'rollout-event', type: 'rollout-refused', phase: 'serving' });
  expect(line.msg).toBe('digits: rollout-refused no');
  expect(line).not.toHaveProperty('evidence');
});

test('levels below the chosen one are silent', () => {
  const { log, lines } = collect({ level: 'error' });
  log('cut-written', { endpoint: 'digits', partition: 2, revision: 7, offset: 40 });
  expect(lines).toEqual([]);
});

test('a burst of refused requests is one line per endpoint, and the next line counts what was left out', () => {
  const { log, lines, pass } = collect();
  const refuse = (endpoint: string) =>
    log('dead-letter-written', { service: 'scorer', endpoint, code: 'EXPIRED', partition: 0, offset: 1 });
  for (let i = 0; i < 50; i++) refuse('digits');
  refuse('other');
  expect(lines).toHaveLength(2);
  pass(10_000);
  refuse('digits');
  expect(JSON.parse(lines[2] ?? '').leftOut).toBe(49);
});

test('for people a line is time, level, sentence and reason', () => {
  const { log, lines } = collect({ format: 'text' });
  log('control-unreadable', { service: 'router', error: new MillraceError('PLAN_INVALID', { detail: 'no shares' }) });
  expect(lines).toEqual([
    '00:00:01.000 error a control record cannot be read and is left out (PLAN_INVALID: a route plan is invalid: no shares)\n',
  ]);
});

test('every scope whose totals are reduced has a line of its own: nobody tells it a second time', () => {
  const { log, lines } = collect();
  const reduced = (versions: string) =>
    log('totals-reduced', { endpoint: 'digits', partition: 0, run: 'digits-2/4', versions });
  for (const versions of ['1:4', '2:4']) reduced(versions);
  expect(lines.map((line) => JSON.parse(line).versions)).toEqual(['1:4', '2:4']);
});
