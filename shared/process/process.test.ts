// Goal: a process ends with the right code, in bounded time.
// Method: a host and a clock of the test's own; no real signal, no real time.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { aborted, type Clock } from '../domain/clock.ts';
import { MillraceError } from '../domain/errors.ts';
import { silentLog } from '../telemetry/logger.ts';
import { EXIT, type Life, orExit, type ProcessHost, runProcess, startOn } from './run.ts';

/** Sleeps end at once when `jumps` (time moves with them), else only when aborted. */
function testClock(jumps: boolean): Clock & { readonly slept: number[] } {
  const slept: number[] = [];
  let nowMs = 0;
  return {
    slept,
    nowMs: () => nowMs,
    monotonicUs: () => 0,
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

test('a signal ends a start that waits for ever, and that is no failure', async () => {
  const clock = testClock(true);
  const { ran, exits, send } = runWith(() => new Promise(() => undefined), { clock });
  send('SIGTERM');
  await ran;
  expect(exits).toEqual([EXIT.ok]);
});

test('a start that a signal ends closes what it stands on, and may fail over that', async () => {
  const closed = new AbortController();
  const base = { close: async () => closed.abort() };
  const { ran, exits, send } = runWith((life) =>
    startOn(base, life, async () => {
      await aborted(closed.signal);
      throw new MillraceError('BROKER_UNREACHABLE', { brokers: 'a:1', detail: 'closed' });
    }),
  );
  send('SIGTERM');
  await ran;
  expect([closed.signal.aborted, exits]).toEqual([true, [EXIT.ok]]);
});

test('what a service stands on is closed after it, not before', async () => {
  const order: string[] = [];
  const note = (what: string) => async () => void order.push(what);
  const { ran, send } = runWith((life) =>
    startOn({ close: note('closed') }, life, async () => ({ stop: note('stopped') })),
  );
  await new Promise((resolve) => setImmediate(resolve));
  send('SIGTERM');
  await ran;
  expect(order).toEqual(['stopped', 'closed']);
});

test.each(['a start that never ends', 'what nobody caught'])('a stale ready file does not outlive %s', async (what) => {
  const readyFile = join(mkdtempSync(join(tmpdir(), 'millrace-run-')), 'ready');
  writeFileSync(readyFile, '');
  const { send } = runWith(() => new Promise(() => undefined), { readyFile });
  if (what === 'what nobody caught') {
    writeFileSync(readyFile, '');
    send('uncaughtException', new TypeError('x'));
  }
  expect(existsSync(readyFile)).toBe(false);
  rmSync(dirname(readyFile), { recursive: true });
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
