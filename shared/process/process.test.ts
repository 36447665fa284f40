// Goal: a process ends with the right code, in bounded time; failed work comes back at bounded pauses.
// Method: a host and a clock of the test's own; no real signal, no real time.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { aborted, type Clock } from '../domain/clock.ts';
import { MillraceError } from '../domain/errors.ts';
import { silentLog } from '../telemetry/logger.ts';
import { backoffMs } from './backoff.ts';
import { EXIT, type Life, orExit, type ProcessHost, runProcess } from './run.ts';
import { actionOf, supervise } from './supervise.ts';

/** Sleeps end at once when `jumps` (time moves with them), else only when aborted. */
function testClock(jumps: boolean): Clock & { readonly slept: number[] } {
  const slept: number[] = [];
  let nowMs = 0;
  return {
    slept,
    nowMs: () => nowMs,
    sleep: (ms, signal) => {
      slept.push(ms);
      if (!jumps) return new Promise((resolve) => signal?.addEventListener('abort', () => resolve()));
      nowMs += ms;
      return Promise.resolve();
    },
  };
}

function testHost() {
  const listeners = new Map<string, (what: unknown) => void>();
  const exits: number[] = [];
  const host: ProcessHost = {
    on: (event, listener) => void listeners.set(event, listener),
    exit: (code) => void exits.push(code),
  };
  return { host, exits, send: (event: string, what?: unknown) => listeners.get(event)?.(what) };
}

/** Runs a process whose start and stop are given; resolves with its exits. */
function runWith(
  start: (life: Life) => Promise<{ stop(): Promise<void> }>,
  { clock = testClock(false), readyFile = '' }: { readonly clock?: Clock; readonly readyFile?: string } = {},
) {
  const host = testHost();
  const ran = runProcess({ service: 'mill', clock, log: silentLog, settings: {}, start, readyFile, host: host.host });
  return { ...host, ran };
}

test.each(['SIGINT', 'SIGTERM'])('%s drains the service and exits with 0', async (signal) => {
  let stopped = 0;
  const stop = async () => void stopped++;
  const { ran, exits, send } = runWith(() => Promise.resolve({ stop }));
  send(signal);
  await ran;
  expect(stopped).toBe(1);
  expect(exits).toEqual([EXIT.ok]);
});

test('the ready file is there while the service is ready, and not while it drains', async () => {
  const readyFile = join(mkdtempSync(join(tmpdir(), 'millrace-run-')), 'ready');
  let whileDraining = true;
  const stop = async () => {
    whileDraining = existsSync(readyFile);
  };
  const { ran, send } = runWith(() => Promise.resolve({ stop }), { readyFile });
  await Promise.resolve();
  await Promise.resolve();
  expect(existsSync(readyFile)).toBe(true);
  send('SIGTERM');
  await ran;
  expect(whileDraining).toBe(false);
  rmSync(dirname(readyFile), { recursive: true });
});

test('a second signal exits at once', async () => {
  const { exits, send } = runWith(() => Promise.resolve({ stop: () => new Promise(() => undefined) }));
  send('SIGINT');
  send('SIGINT');
  expect(exits).toEqual([130]);
});

test('a drain that takes too long is cut off, and the exit code says so', async () => {
  const clock = testClock(true);
  const hang = { stop: () => new Promise<void>(() => undefined) };
  const { ran, exits, send } = runWith(() => Promise.resolve(hang), { clock });
  send('SIGTERM');
  await ran;
  expect(exits).toEqual([EXIT.drainTimedOut]);
});

test('a signal during the start stops the service once it has started', async () => {
  let stopped = 0;
  const { ran, exits, send } = runWith(async ({ ended }) => {
    await aborted(ended);
    return { stop: async () => void stopped++ };
  });
  send('SIGTERM');
  await ran;
  expect([stopped, exits]).toEqual([1, [EXIT.ok]]);
});

test('a service that fails later is stopped, and the exit code says why', async () => {
  let stopped = 0;
  const { ran, exits } = runWith(({ fail }) => {
    queueMicrotask(() => fail(new MillraceError('BROKER_UNREACHABLE', { brokers: 'a:1', detail: 'x' })));
    return Promise.resolve({ stop: async () => void stopped++ });
  });
  await ran;
  expect([stopped, exits]).toEqual([1, [EXIT.failed]]);
});

test.each([
  [new MillraceError('CONFIG_INVALID', { detail: '' }), EXIT.usage],
  [new MillraceError('BROKER_UNREACHABLE', { brokers: '', detail: '' }), EXIT.failed],
  [new MillraceError('ASSERTION', { detail: '' }), EXIT.bug],
  [new TypeError('x'), EXIT.bug],
])('a start that fails with %s exits with %i', async (error, code) => {
  const { ran, exits } = runWith(() => Promise.reject(error));
  await ran;
  expect(exits).toEqual([code]);
});

test('settings that are wrong end the process with one line and the exit code of usage', () => {
  const { host, exits } = testHost();
  const lines: string[] = [];
  const make = () => {
    throw new MillraceError('CONFIG_INVALID', { detail: 'MILLRACE_BROKERS must be set' });
  };
  expect(() => orExit(make, { ...host, say: (line) => lines.push(line) })).toThrow('MILLRACE_BROKERS');
  expect(exits).toEqual([EXIT.usage]);
  expect(lines).toEqual([
    expect.stringMatching(/^CONFIG_INVALID: configuration: MILLRACE_BROKERS must be set\. .+\n$/),
  ]);
  expect(orExit(() => 1, host)).toBe(1);
});

test('what nobody caught is a bug', () => {
  const { exits, send } = runWith(() => new Promise(() => undefined));
  send('unhandledRejection', new TypeError('x'));
  expect(exits).toEqual([EXIT.bug]);
});

test('each kind of error has its one action', () => {
  expect(actionOf(new MillraceError('FENCED'))).toBe('retry');
  expect(actionOf(new MillraceError('EXPIRED'))).toBe('go-on');
  expect(actionOf(new MillraceError('SPEC_INVALID'))).toBe('go-on');
  expect(actionOf(new MillraceError('CONFIG_INVALID'))).toBe('stop');
  expect(actionOf(new MillraceError('ASSERTION'))).toBe('stop');
  expect(actionOf(new RangeError('x'))).toBe('stop');
});

function superviseWith(failures: readonly unknown[], ended = new AbortController().signal) {
  const clock = testClock(true);
  const left = [...failures];
  const run = () => (left.length === 0 ? Promise.resolve() : Promise.reject(left.shift()));
  const options = { service: 'mill', work: 'grinding', clock, log: silentLog, jitter: () => 0, ended };
  return { done: supervise(run, options), slept: clock.slept, left };
}

test('work that fails for a while is tried again at growing pauses', async () => {
  const retryable = new MillraceError('FENCED');
  const { done, slept } = superviseWith(Array.from({ length: 9 }, () => retryable));
  await done;
  expect(slept).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]);
});

test('poison does not lengthen the pause', async () => {
  const { done, slept } = superviseWith([1, 2, 3].map(() => new MillraceError('EXPIRED')));
  await done;
  expect(slept).toEqual([100, 100, 100]);
});

test('a bug is not tried again', async () => {
  const bug = new TypeError('x');
  const { done, left } = superviseWith([bug, bug]);
  await expect(done).rejects.toBe(bug);
  expect(left).toHaveLength(1);
});

test('no try is made after the end', async () => {
  const { done, left } = superviseWith([new TypeError('x')], AbortSignal.abort());
  await done;
  expect(left).toHaveLength(1);
});

test('a pause is bounded, whatever the attempt and the jitter', () => {
  const pause = fc.record({ attempt: fc.nat(), jitter: fc.double({ min: 0, max: 1, noNaN: true }) });
  fc.assert(
    fc.property(pause, ({ attempt, jitter }) => {
      const ms = backoffMs(attempt, { firstMs: 20, maxMs: 1_000 }, jitter);
      expect(ms).toBeGreaterThanOrEqual(15);
      expect(ms).toBeLessThanOrEqual(1_000);
    }),
  );
});
