// Goal: a started broker answers, survives what tests do to its nodes, and ends with its user, however the user ends.
// Method: real JVMs (MILLRACE_BROKERS and Docker are left out of the environment); the user is a process of its own that is
//         killed with SIGKILL. Skips where no JVM broker can be had, under CI it fails.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, test } from 'vitest';
import { compiled } from '../../test/support/compiled.ts';
import { isCi } from '../config/ci.ts';
import { MillraceError } from '../domain/errors.ts';
import { systemClock } from '../process/clock.ts';
import { JAVA_MAJOR_MIN, javaMajor, kafkaJars } from './jars.ts';
import { startJvmBroker } from './jvm-broker.ts';
import { brokerCount } from './probe.ts';
import type { NodeCount, RunningBroker, StartOptions } from './running-broker.ts';

const GONE_TIMEOUT_MS = 10_000;
const LOOK_INTERVAL_MS = 50;

const options = (nodes: NodeCount): StartOptions => ({
  nodes,
  purpose: 'test',
  onProgress: () => undefined,
  env: process.env,
});
const jars = ((await javaMajor()) ?? 0) >= JAVA_MAJOR_MIN ? await kafkaJars(options(1)) : { missing: 'no Java' };
const folder = 'folder' in jars ? jars.folder : '';

let broker: RunningBroker | undefined;
let user: ChildProcess | undefined;
afterEach(async () => {
  user?.kill('SIGKILL');
  await broker?.stop();
});

const missing = 'missing' in jars ? jars.missing : '';
if (missing !== '' && isCi(process.env)) throw new MillraceError('BROKER_NOT_FOUND', { detail: missing });

describe.skipIf(missing !== '')(`a broker on the JVM${missing && ` (not here: ${missing})`}`, () => {
  test('one node answers, and nothing of it is left after stop', async () => {
    broker = await startJvmBroker(folder, options(1));
    expect(await brokerCount(broker.brokers[0] ?? '')).toBe(1);
    const pid = broker.node(1)?.pid ?? 0;
    expect(alive(pid)).toBe(true);
    const data = dataFolder(pid);
    expect(existsSync(data)).toBe(true);
    await broker.stop();
    expect(alive(pid)).toBe(false);
    expect(existsSync(data)).toBe(false);
  });

  test('a node of three can be killed and started again on its old ports', async () => {
    broker = await startJvmBroker(folder, options(3));
    const [first = '', second = ''] = broker.brokers;
    const node = broker.node(2);
    const pid = node?.pid ?? 0;
    await node?.kill('SIGKILL');
    expect(alive(pid)).toBe(false);
    expect(node?.pid).toBeNull();
    expect(await brokerCount(second)).toBe(0);
    expect(await brokerCount(first)).toBeGreaterThanOrEqual(2);
    await node?.start();
    expect(node?.pid).not.toBe(pid);
    await eventually(async () => (await brokerCount(second)) === 3);
  });

  test.each(['SIGKILL', 'SIGINT'] as const)('it ends with a user that gets %s', async (signal) => {
    const main = await compiled('shared/broker/main.ts');
    const { MILLRACE_BROKERS: _given, ...env } = process.env;
    const child = spawn(process.execPath, [main], {
      stdio: ['pipe', 'pipe', 'ignore'],
      // An address where no Docker daemon is, so that this is about the JVM.
      env: { ...env, DOCKER_HOST: 'unix:///nonexistent.sock', DOCKER_CONTEXT: '' },
    });
    user = child;
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    const address = String(line).replace('MILLRACE_BROKERS=', '');
    expect(await brokerCount(address)).toBe(1);
    const [jvm = 0] = childrenOf(childrenOf(child.pid ?? 0)[0] ?? 0);
    const data = dataFolder(jvm);
    expect(existsSync(data)).toBe(true);
    child.kill(signal);
    await once(child, 'exit');
    await eventually(() => Promise.resolve(!alive(jvm)));
    await eventually(() => Promise.resolve(!existsSync(data)));
  });
});

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const endMs = systemClock.nowMs() + GONE_TIMEOUT_MS;
  while (!(await holds())) {
    expect(systemClock.nowMs(), 'it should hold by now').toBeLessThan(endMs);
    await systemClock.sleep(LOOK_INTERVAL_MS);
  }
}

/** The folder where a JVM's broker keeps everything; it is in the path of its properties file (Linux). */
function dataFolder(pid: number): string {
  const properties = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').at(-2) ?? '';
  return dirname(properties);
}

/** Process ids of the children of a process (Linux). */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
}

/** Whether a process runs; a zombie that waits for its parent does not. */
function alive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
