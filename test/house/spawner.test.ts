// Goal: whatever happens to what starts the models' processes, whoever had one started hears of its end, and nobody else does.
// Method: real processes; the machine's limits, signals, and environments that no process can have.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../shared/process/clock.ts';
import { ChildLink } from '../../shared/runtimes/child-link.ts';
import { Spawner, type SpawnOptions } from '../../shared/runtimes/spawner.ts';
import { isAlive, modelProcesses, signalIfAlive, spawners } from '../support/model-processes.ts';

const PLAIN: SpawnOptions = { nice: 0, environment: { PATH: process.env.PATH ?? '' }, behind: false };
/** `spawn` throws at it. */
const IMPOSSIBLE: SpawnOptions = { ...PLAIN, environment: { NAME: '\0' } };
/** Without setpriv nobody is killed by the kernel when its parent ends. */
const LIVES_ON: SpawnOptions = { ...PLAIN, environment: { PATH: '/nowhere' } };
/** It hangs before it has read a frame, in a way that no signal handler sees. */
const HANGS = {
  NODE_OPTIONS: `--import "data:text/javascript,Atomics.wait(new Int32Array(new SharedArrayBuffer(4)),0,0)"`,
};
/** It says so before anybody asks. */
const SPEAKS = {
  NODE_OPTIONS: `--import "data:text/javascript,import {writeSync} from 'node:fs';writeSync(3,'early')"`,
};
const BUSY_MS = 600;
const PRLIMIT = '/usr/bin/prlimit';

class FakeWard {
  readonly ended: string[] = [];
  pid = 0;
  socket: Socket | null = null;
  onSpawned(pid: number, socket: Socket) {
    this.pid = pid;
    this.socket = socket;
  }
  onEnded(detail: string) {
    this.ended.push(detail);
  }
  onOrphaned(detail: string) {
    this.ended.push(detail);
  }
}

afterEach(() => {
  for (const pid of modelProcesses(process.pid)) signalIfAlive(pid, 'SIGKILL');
  for (const pid of spawners(process.pid)) signalIfAlive(pid, 'SIGKILL');
});

async function spawned(spawner: Spawner, options = PLAIN) {
  const ward = new FakeWard();
  spawner.spawn(options, ward);
  await vi.waitFor(() => expect(ward.socket).not.toBeNull(), { timeout: 5_000 });
  return ward;
}

/** A process that hangs. Its spawner has the environment of the first that it started. */
async function hanging(options: SpawnOptions) {
  const spawner = new Spawner();
  await spawned(spawner, options);
  const environment = { ...options.environment, ...HANGS };
  const link = new ChildLink(spawner, { ...options, environment, clock: systemClock, onFrame: () => undefined });
  await vi.waitFor(() => expect(link.pid).toBeDefined(), { timeout: 5_000 });
  return { link, pid: Number(link.pid) };
}

function busyFor(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

function filesOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

describe('a process that cannot be started', () => {
  test('for the spawner cannot be either, is told of later, as an end', async () => {
    const [ward, spawner] = [new FakeWard(), new Spawner()];
    spawner.spawn(IMPOSSIBLE, ward);
    expect(ward.ended).toEqual([]);
    await vi.waitFor(() => expect(ward.ended).toEqual([expect.stringContaining('it did not start')]));
    expect((await spawned(spawner)).ended).toEqual([]);
  });

  test('ends alone', async () => {
    const spawner = new Spawner();
    const first = await spawned(spawner);
    const ward = new FakeWard();
    spawner.spawn(IMPOSSIBLE, ward);
    await vi.waitFor(() => expect(ward.ended).toEqual([expect.stringContaining('it did not start')]));
    expect((await spawned(spawner)).ended).toEqual([]);
    expect(first.ended).toEqual([]);
    expect(isAlive(first.pid)).toBe(true);
  });

  test.skipIf(!existsSync('/proc/self/fd') || !existsSync(PRLIMIT))(
    'for want of file descriptors, ends alone',
    async () => {
      const spawner = new Spawner();
      const first = await spawned(spawner);
      const [pid = 0] = spawners(process.pid);
      const before = filesOf(pid);
      for (let files = before; files < before + 8; files++) {
        execFileSync(PRLIMIT, ['--pid', String(pid), `--nofile=${files}:`]);
        const ward = new FakeWard();
        spawner.spawn(PLAIN, ward);
        await vi.waitFor(() => expect(ward.ended.length + ward.pid).toBeGreaterThan(0), { timeout: 5_000 });
        if (ward.pid === 0) expect(ward.ended).toEqual([expect.stringContaining('it did not start')]);
      }
      execFileSync(PRLIMIT, ['--pid', String(pid), '--nofile=1024:']);
      expect((await spawned(spawner)).ended).toEqual([]);
      expect(first.ended).toEqual([]);
      expect(spawners(process.pid)).toEqual([pid]);
    },
  );
});

describe('a process that hangs', () => {
  test('ends with what started it where the kernel does not see to that', async () => {
    const { link, pid } = await hanging(LIVES_ON);
    for (const spawner of spawners(process.pid)) signalIfAlive(spawner, 'SIGKILL');
    expect((await link.ended).detail).toContain('what started it ended: signal SIGKILL');
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false));
  });

  test('ends when it is killed although what started it stands still', async () => {
    const { link, pid } = await hanging(PLAIN);
    for (const spawner of spawners(process.pid)) signalIfAlive(spawner, 'SIGSTOP');
    link.kill();
    expect((await link.ended).detail).toBe('it was killed');
    expect(isAlive(pid)).toBe(false);
  });
});

test('a process that was never started, since what starts it stands still, ends when it is killed, and does not live later', async () => {
  const spawner = new Spawner();
  await spawned(spawner);
  const [pid = 0] = spawners(process.pid);
  signalIfAlive(pid, 'SIGSTOP');
  const environment = { ...PLAIN.environment, ...HANGS };
  const link = new ChildLink(spawner, { ...PLAIN, environment, clock: systemClock, onFrame: () => undefined });
  link.kill();
  expect((await link.ended).detail).toBe('it was killed');
  signalIfAlive(pid, 'SIGCONT');
  await spawned(spawner);
  await vi.waitFor(() => expect(modelProcesses(process.pid)).toHaveLength(2));
});

test('what a process says before its worker has its socket is not lost', async () => {
  const spawner = new Spawner();
  await spawned(spawner);
  const ward = new FakeWard();
  spawner.spawn({ ...PLAIN, environment: { ...PLAIN.environment, ...SPEAKS } }, ward);
  busyFor(BUSY_MS);
  const socket = await vi.waitFor(() => ward.socket ?? expect.fail('it has no socket'));
  const [said] = await once(socket, 'data');
  expect(String(said)).toBe('early');
});
