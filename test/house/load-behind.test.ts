// Goal: a version that loads beside one that answers has a lower priority while it loads, as the kernel counts, and not after.
// Method: real processes of models that say where they stand while they load; Linux shows the rest in /proc.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../shared/process/clock.ts';
import { type ModelProcess, NO_OWNER } from '../../shared/runtimes/model-process.ts';
import { modelLauncher, NICE_LIVE } from '../../shared/runtimes/spawn.ts';
import { modelProcesses } from '../support/model-processes.ts';
import { BAD, FAULTY_RUNTIME, packFaulty, temporaryFolder } from '../support/tiny-models.ts';

const BEHIND_BY = 10;
const NICE_MAX = 19;
const OWN = { nice: getPriority(), session: sessionOf('self') };
/** Asked of the kernel: whether a process may go behind and return. */
const RETURNS = `
  const { setPriority } = require('node:os');
  setPriority(${OWN.nice + 1});
  try { setPriority(${OWN.nice}); } catch { process.exit(1); }
`;

const running: ModelProcess[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((process) => process.stop()));
});

async function loaded(loadsBehind: boolean) {
  const repository = temporaryFolder();
  const { manifest } = await packFaulty(repository, 'standing', { golden: [] });
  const { endpoint, version, digest } = manifest;
  const launcher = modelLauncher({
    repository,
    clock: systemClock,
    nice: NICE_LIVE,
    environment: process.env,
    onNotice: () => undefined,
    runtimeModules: [FAULTY_RUNTIME],
  });
  const model = launcher.launch(endpoint, { version, digest }, { ...NO_OWNER, loadsBehind: () => loadsBehind });
  running.push(model);
  await model.settled;
  expect(model.state).toBe('READY');
  const [pid] = modelProcesses(process.pid);
  return { model, pid: String(pid) };
}

/** What it said before it was READY, as it stands in its obituary. */
async function standingAtLoad(model: ModelProcess) {
  const deadly = [{ name: 'x', datatype: 'FP32' as const, shape: [1, 1], data: Float32Array.of(BAD.exit) }];
  const obituary = await model.score(deadly).catch((error: Error) => error.message);
  const [, nice, session] = /(-?\d+)\/autogroup-\d+ nice (-?\d+)/.exec(String(obituary)) ?? [];
  return { nice: Number(nice), session: Number(session) };
}

function standingOf(pid: string) {
  const nices = new Set(readdirSync(`/proc/${pid}/task`).map((thread) => getPriority(Number(thread))));
  return { nice: [...nices].join(), session: sessionOf(pid) };
}

function sessionOf(pid: string): number {
  const path = `/proc/${pid}/autogroup`;
  return existsSync(path) ? Number(/nice (-?\d+)/.exec(readFileSync(path, 'utf8'))?.[1]) : 0;
}

function returns(): boolean {
  try {
    execFileSync(process.execPath, ['-e', RETURNS]);
    return true;
  } catch {
    return false;
  }
}

/** A worker that says what became of a process that was brought forward, where its capabilities say nothing of priorities. */
const WORKER_PROGRAM = `
  import { getPriority } from 'node:os';
  const { Spawner } = await import(process.env.SPAWNER);
  const spawner = new Spawner();
  const say = (text) => { console.log(text); process.exit(0); };
  const { PATH } = process.env;
  const id = spawner.spawn({ nice: 0, environment: { PATH }, behind: true }, {
    onSpawned: (pid) => {
      setTimeout(() => spawner.bringForward(id), 300);
      setTimeout(() => say('nice ' + getPriority(pid)), 1_000);
    },
    onEnded: say,
    onOrphaned: say,
  });
`;

function runUnshared(program: string): string {
  const spawner = new URL('../../dist/shared/runtimes/spawner.js', import.meta.url);
  const args = ['--user', '--map-root-user', process.execPath, '--input-type=module', '-e', program];
  return execFileSync('unshare', args, { env: { ...process.env, SPAWNER: spawner.href }, encoding: 'utf8' });
}

function unshares(): boolean {
  try {
    return runUnshared('process.exit(0)') === '';
  } catch {
    return false;
  }
}

describe.skipIf(!existsSync('/proc/self/autogroup'))('a version that loads', () => {
  test('beside one that answers is behind it until it is READY, and then where its worker is', async () => {
    const { model, pid } = await loaded(true);
    await vi.waitFor(() => expect(standingOf(pid)).toEqual({ nice: String(OWN.nice), session: OWN.session }));
    const behind = (nice: number) => Math.min(nice + BEHIND_BY, NICE_MAX);
    expect(await standingAtLoad(model)).toEqual({
      nice: returns() ? behind(OWN.nice) : OWN.nice,
      session: behind(OWN.session),
    });
  });

  test('while nobody answers stands where its worker is from the start', async () => {
    const { model, pid } = await loaded(false);
    expect(standingOf(pid)).toEqual({ nice: String(OWN.nice), session: OWN.session });
    expect(await standingAtLoad(model)).toEqual(OWN);
  });
});

test.skipIf(!unshares())(
  'in a user namespace of its own no process loses its life, or its place, for want of a priority',
  () => {
    expect(runUnshared(WORKER_PROGRAM)).toBe(`nice ${OWN.nice}\n`);
  },
);
