// Goal: whatever a model does, its worker and its neighbours go on, and no call is left hanging.
// Method: real child processes; tiny ONNX packages, and a runtime that hangs, dies, eats or throws on demand.

import { spawn } from 'node:child_process';
import { appendFileSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Tensor } from '../../shared/domain/tensor.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { type ModelProcess, NO_OWNER } from '../../shared/runtimes/model-process.ts';
import { outputRecorder } from '../../shared/runtimes/record.ts';
import {
  type ModelLauncherOptions,
  type ModelNotice,
  modelLauncher,
  NICE_LIVE,
  NICE_SHADOW,
} from '../../shared/runtimes/spawn.ts';
import { isAlive, modelProcesses, spawners } from '../support/model-processes.ts';
import { BAD, FAULTY_RUNTIME, packFaulty, packTiny, TINY_SIGNATURE, temporaryFolder } from '../support/tiny-models.ts';

vi.setConfig({ testTimeout: 20_000 });

const running: ModelProcess[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((process) => process.stop()));
});

function launch(
  root: string,
  packed: { readonly manifest: { readonly endpoint: string; readonly version: number; readonly digest: string } },
  more: Partial<ModelLauncherOptions> = {},
) {
  const notices: ModelNotice[] = [];
  const states: string[] = [];
  const launcher = modelLauncher({
    repository: root,
    clock: systemClock,
    nice: NICE_LIVE,
    environment: process.env,
    onNotice: (notice) => notices.push(notice),
    runtimeModules: [FAULTY_RUNTIME],
    ...more,
  });
  const { endpoint, version, digest } = packed.manifest;
  const model = launcher.launch(
    endpoint,
    { version, digest },
    {
      ...NO_OWNER,
      onState: (changed) => states.push(changed.state),
    },
  );
  running.push(model);
  return { model, notices, states };
}

function one(...values: number[]): readonly Tensor[] {
  return [{ name: 'x', datatype: 'FP32', shape: [values.length, 1], data: Float32Array.from(values) }];
}

async function answered(model: ModelProcess, ...values: number[]): Promise<number[]> {
  const [output] = await model.score(one(...values));
  return Array.from((output?.data ?? []) as Float32Array);
}

async function ready(model: ModelProcess): Promise<void> {
  await vi.waitFor(() => expect(model.state).toBe('READY'), { timeout: 10_000, interval: 5 });
}

describe('a good package', () => {
  test('becomes READY, says what runs it, and answers in order', async () => {
    const root = temporaryFolder();
    const { model, states } = launch(root, await packTiny(root));
    expect(model.state).toBe('LOADING');
    await expect(model.score([])).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
    await model.settled;
    expect(model).toMatchObject({ state: 'READY', problem: '', maxBatchRows: 64, signature: TINY_SIGNATURE });
    expect(model.runtime).toMatch(/^onnxruntime-node \d/);
    const batches = Array.from({ length: 40 }, (_, index) => {
      const data = Float32Array.from({ length: 2 * (index + 1) }, () => index);
      return model.score([{ name: 'x', datatype: 'FP32', shape: [index + 1, 2], data }]);
    });
    for (const [index, [output]] of (await Promise.all(batches)).entries()) {
      expect(output?.shape).toEqual([index + 1, 2]);
      const want = 1 / (1 + Math.exp(-(3 * index + 0.5)));
      expect(output?.data[0]).toBeCloseTo(want, 5);
    }
    await model.stop();
    expect(states).toEqual(['READY', 'STOPPED']);
    await expect(model.score(one(1))).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
  });

  test('refuses a batch that does not fit its signature, and goes on', async () => {
    const root = temporaryFolder();
    const { model } = launch(root, await packTiny(root));
    await model.settled;
    const tensor = { name: 'x', datatype: 'FP32', shape: [1, 2], data: Float32Array.of(1, 1) } as const;
    for (const bad of [
      [],
      [{ ...tensor, name: 'y' }],
      [{ ...tensor, shape: [1, 3] }],
      [{ ...tensor, shape: [65, 2], data: new Float32Array(130) }],
      [{ ...tensor, data: Float32Array.of(1) }],
      [tensor, tensor],
    ]) {
      await expect(model.score(bad)).rejects.toMatchObject({ code: 'MODEL_FAILED' });
    }
    await expect(model.score([tensor])).resolves.toHaveLength(1);
  });

  test('records the outputs of golden samples by a real run', async () => {
    const root = temporaryFolder();
    const record = outputRecorder({ clock: systemClock, environment: process.env });
    const { folder, manifest } = await packTiny(root, { golden: [{ inputs: [[1, 1, 0, 0]] }], record });
    const golden = JSON.parse(readFileSync(join(folder, 'golden.json'), 'utf8'));
    expect(golden.samples[0].outputs[0][0]).toBeCloseTo(0.9706878, 5);
    const { model } = launch(root, { manifest });
    await model.settled;
    expect(model.problem).toBe('');
  });
});

describe('a model that misbehaves', () => {
  test('hangs: the deadline kills it, only the batch at work is blamed, and the next call is answered', async () => {
    const root = temporaryFolder();
    const { model, notices } = launch(root, await packFaulty(root, ''));
    await model.settled;
    const calls = [answered(model, 1), answered(model, BAD.hang), answered(model, 2), answered(model, 3)];
    const results = await Promise.allSettled(calls);
    expect(results[0]).toMatchObject({ status: 'fulfilled', value: [2] });
    expect(results[1]).toMatchObject({ reason: { code: 'MODEL_DEADLINE' } });
    expect(results[2]).toMatchObject({ reason: { code: 'MODEL_UNAVAILABLE' } });
    expect(results[3]).toMatchObject({ reason: { code: 'MODEL_UNAVAILABLE' } });
    await ready(model);
    expect(await answered(model, 4)).toEqual([8]);
    expect(notices.map((notice) => notice.what)).toEqual(['ready', 'died', 'ready']);
  });

  test.each([
    ['segfaults', BAD.segfault, /SIGSEGV/],
    ['exits', BAD.exit, /exit code 7/],
  ])('%s: the batch fails with the reason, and the next call is answered', async (_, bad, reason) => {
    const root = temporaryFolder();
    const { model } = launch(root, await packFaulty(root, ''));
    await model.settled;
    await expect(answered(model, bad)).rejects.toMatchObject({
      code: 'MODEL_CRASHED',
      message: expect.stringMatching(reason),
    });
    await ready(model);
    expect(await answered(model, 4)).toEqual([8]);
  });

  test('throws, or gives another shape: only that batch fails, the process lives', async () => {
    const root = temporaryFolder();
    const { model, notices } = launch(root, await packFaulty(root, ''));
    await model.settled;
    const calls = [answered(model, BAD.throws), answered(model, BAD.wrongShape), answered(model, 5)];
    const results = await Promise.allSettled(calls);
    expect(results[0]).toMatchObject({
      reason: { code: 'MODEL_FAILED', message: expect.stringContaining('model threw') },
    });
    expect(results[1]).toMatchObject({ reason: { code: 'MODEL_OUTPUT' } });
    expect(results[2]).toMatchObject({ value: [10] });
    expect(notices).toHaveLength(1);
  });

  test('eats memory: it is stopped at its cap, and its neighbour does not notice', async () => {
    const root = temporaryFolder();
    const small = { memoryMb: 128, deadlineMs: 10_000 };
    const { model: hog } = launch(root, await packFaulty(root, '', small));
    const { model: neighbour, notices } = launch(root, await packTiny(root));
    await Promise.all([hog.settled, neighbour.settled]);
    let over = false;
    const failing = answered(hog, BAD.hog).finally(() => {
      over = true;
    });
    failing.catch(() => undefined);
    const tensor = { name: 'x', datatype: 'FP32', shape: [1, 2], data: Float32Array.of(1, 1) } as const;
    let calls = 0;
    while (!over) {
      await neighbour.score([tensor]);
      calls += 1;
    }
    await expect(failing).rejects.toMatchObject({ code: expect.stringMatching(/MODEL_(CRASHED|FAILED)/) });
    expect(calls).toBeGreaterThan(0);
    expect(notices.map((notice) => notice.what)).toEqual(['ready']);
    await ready(hog);
    expect(await answered(hog, 1)).toEqual([2]);
  });

  test('prints without end: nothing blocks, and only the last words are kept', async () => {
    const root = temporaryFolder();
    const { model } = launch(root, await packFaulty(root, ''));
    await model.settled;
    for (let call = 0; call < 10; call++) await answered(model, BAD.print);
    const dying = answered(model, BAD.exit);
    await expect(dying).rejects.toMatchObject({ message: expect.stringMatching(/last words/) });
    await dying.catch((error: Error) => expect(error.message.length).toBeLessThan(3_000));
  });

  test('never loads in time, or dies while loading: FAILED after a few tries, with the reason', async () => {
    const root = temporaryFolder();
    const hanging = launch(root, await packFaulty(root, 'hang', { loadDeadlineMs: 100, golden: [] }));
    const crashing = launch(root, await packFaulty(root, 'crash', { version: 2, golden: [] }));
    await Promise.all([hanging.model.settled, crashing.model.settled]);
    expect(hanging.model.state).toBe('FAILED');
    expect(hanging.model.problem).toMatch(/5 starts in a row failed.*not ready after 100 ms/);
    expect(crashing.model.problem).toMatch(/5 starts in a row failed.*exit code 9/);
    await expect(answered(hanging.model, 1)).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
    expect(hanging.states).not.toContain('READY');
  });
});

describe('a bad package is FAILED and never READY', () => {
  const cases: readonly (readonly [string, string, (folder: string) => void])[] = [
    ['a truncated weight file', 'PACKAGE_DIGEST', (folder) => truncateSync(join(folder, 'model/tiny.onnx'), 20)],
    ['a changed weight file', 'PACKAGE_DIGEST', (folder) => flipByte(join(folder, 'model/tiny.onnx'))],
    ['a file that is not listed', 'PACKAGE_INVALID', (folder) => writeFileSync(join(folder, 'model/extra'), '')],
    ['a link', 'PACKAGE_PATH', (folder) => symlinkSync('/etc/hostname', join(folder, 'model/extra'))],
    ['a manifest that is not JSON', 'PACKAGE_INVALID', (folder) => appendFileSync(join(folder, 'model.json'), '}')],
    [
      'a path that leaves the folder',
      'PACKAGE_PATH',
      (folder) => edit(folder, '"model/tiny.onnx"', '"../../tiny.onnx"'),
    ],
    ['an edited manifest', 'PACKAGE_DIGEST', (folder) => edit(folder, '"deadlineMs": 2000', '"deadlineMs": 3000')],
  ];

  test.each(cases)('with %s: %s', async (_, code, damage) => {
    const root = temporaryFolder();
    const packed = await packTiny(root);
    damage(packed.folder);
    const { model, states } = launch(root, packed);
    await model.settled;
    expect(model.problem).toContain(`${code}: `);
    expect(states).toEqual(['FAILED']);
  });

  test('with another digest than asked for', async () => {
    const root = temporaryFolder();
    const { manifest } = await packTiny(root);
    const { model } = launch(root, { manifest: { ...manifest, digest: 'f'.repeat(64) } });
    await model.settled;
    expect(model.problem).toMatch(/^PACKAGE_DIGEST: .*not ffffffffffff…/);
  });

  test('with a golden sample that does not come out', async () => {
    const root = temporaryFolder();
    const { model } = launch(root, await packTiny(root, { golden: [{ inputs: [[1, 1]], outputs: [[0.5, 0.5]] }] }));
    await model.settled;
    expect(model.problem).toMatch(
      /^GOLDEN_MISMATCH: version 1 of tiny fails golden sample 0: 'p' is 0.97\d+ at element 0, not 0.5/,
    );
  });

  test('that is not there, or needs a runtime that is not', async () => {
    const root = temporaryFolder();
    const { manifest } = await packTiny(root, { runtimes: () => ['nonesuch'] });
    const unknown = launch(root, { manifest });
    const missing = launch(root, { manifest: { ...manifest, version: 9 } });
    await Promise.all([unknown.model.settled, missing.model.settled]);
    expect(unknown.model.problem).toContain('RUNTIME_UNKNOWN: there is no runtime nonesuch for format onnx');
    expect(missing.model.problem).toContain('PACKAGE_MISSING: there is no version 9 of tiny');
  });

  test('but a runtime that is not installed leaves it to the next of the list, and the label says which', async () => {
    const root = temporaryFolder();
    const { model, notices } = launch(root, await packTiny(root, { runtimes: () => ['absent', 'onnxruntime-node'] }));
    await model.settled;
    expect(model.runtime).toMatch(/^onnxruntime-node/);
    expect(model.problem).toBe('runtimes passed over: absent: this runtime is not installed');
    expect(notices.at(-1)).toMatchObject({ what: 'fell-back', detail: model.problem });
  });
});

describe('a model process', () => {
  test('that would go on with another runtime than before does not come up, and says why', async () => {
    const root = temporaryFolder();
    const marker = join(root, 'loaded');
    const packed = await packFaulty(root, `once ${marker}`, { runtimes: () => ['faulty', 'spare'] });
    const { model, notices } = launch(root, packed);
    await model.settled;
    expect(model).toMatchObject({ runtime: 'faulty 1', problem: '' });
    await answered(model, BAD.exit).catch(() => undefined);
    await vi.waitFor(() => expect(notices.filter(({ what }) => what === 'died')).toHaveLength(2), {
      timeout: 10_000,
      interval: 5,
    });
    expect(notices.at(-1)?.detail).toMatch(/would run on spare 1 now, not on faulty 1 \(.*it was loaded already\)/);
    expect(model.state).toBe('LOADING');
    rmSync(marker);
    await ready(model);
    expect(model.runtime).toBe('faulty 1');
    expect(await answered(model, 4)).toEqual([8]);
  });

  test('whose memory no kernel caps is watched, and that is said', async () => {
    const root = temporaryFolder();
    const small = { memoryMb: 128, deadlineMs: 10_000 };
    const environment = { ...process.env, PATH: '/nonexistent' };
    const { model, notices } = launch(root, await packFaulty(root, '', small), { environment });
    await model.settled;
    expect(notices[0]).toMatchObject({ what: 'memory-not-capped', detail: expect.stringContaining('watched') });
    await expect(answered(model, BAD.hog)).rejects.toMatchObject({
      message: expect.stringContaining('bytes of memory'),
    });
  });

  test('has the priority of its role, and of the environment of its worker nothing but library paths', async () => {
    const root = temporaryFolder();
    const packed = await packFaulty(root, 'environment', { golden: [] });
    const environment = { ...process.env, MILLRACE_SASL_PASSWORD: 'secret' };
    const { model } = launch(root, packed, { nice: NICE_SHADOW, environment });
    await model.settled;
    const obituary = await answered(model, BAD.exit).catch((error: Error) => error.message);
    expect(obituary).toMatch(/ nice 19$/);
    expect(obituary).toContain('TF_NUM_INTRAOP_THREADS');
    expect(obituary).not.toContain('SASL');
  });

  test('is started again when what starts the processes is killed', async () => {
    const root = temporaryFolder();
    const { model, states, notices } = launch(root, await packTiny(root));
    await model.settled;
    for (const pid of spawners(process.pid)) process.kill(pid, 'SIGKILL');
    await vi.waitFor(() => expect(states).toEqual(['READY', 'LOADING', 'READY']), { timeout: 10_000, interval: 5 });
    expect(notices).toContainEqual(
      expect.objectContaining({ what: 'died', detail: expect.stringContaining('SIGKILL') }),
    );
    const [x] = one(1, 2);
    if (x !== undefined) await expect(model.score([{ ...x, shape: [1, 2] }])).resolves.toHaveLength(1);
    expect(modelProcesses(process.pid)).toHaveLength(1);
  });

  test('ends when its worker is killed, even while it hangs', async () => {
    const root = temporaryFolder();
    const { manifest } = await packFaulty(root, '', { deadlineMs: 600_000 });
    const spawnUrl = new URL('../../dist/shared/runtimes/child-main.js', import.meta.url);
    expect(spawnUrl.pathname).toContain('dist');
    const worker = spawn(process.execPath, ['--input-type=module', '-e', WORKER_PROGRAM], {
      env: { ...process.env, ROOT: root, DIGEST: manifest.digest, FAULTY: FAULTY_RUNTIME, CHILD: spawnUrl.href },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = await new Promise<number>((resolve) => {
      worker.stdout.once('data', (text: Buffer) => resolve(Number(text.toString())));
    });
    expect(isAlive(pid)).toBe(true);
    worker.kill('SIGKILL');
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 5_000 });
  });
});

/** A worker that launches the faulty model, sends it a batch on which it hangs, and prints its process id. */
const WORKER_PROGRAM = `
  const { ChildLink } = await import(new URL('../../shared/runtimes/child-link.js', process.env.CHILD));
  const { Spawner } = await import(new URL('../../shared/runtimes/spawner.js', process.env.CHILD));
  const { systemClock: clock } = await import(new URL('../../shared/process/clock.js', process.env.CHILD));
  const { encodeControl, encodeFrame, encodeTensors } = await import(new URL('../../shared/runtimes/frames.js', process.env.CHILD));
  const link = new ChildLink(new Spawner(), { nice: 0, environment: process.env, behind: true, clock, onFrame: (frame) => {
    if (frame.kind !== 3) return;
    link.send(encodeFrame({ kind: 5, id: 1, rows: 1 }, encodeTensors([{ data: Float32Array.of(-1) }])));
    setTimeout(() => process.stdout.write(String(link.pid)), 200);
  }});
  link.send(encodeControl(1, 0, { root: process.env.ROOT, endpoint: 'faulty', version: 1, digest: process.env.DIGEST,
    runtimeModules: [process.env.FAULTY] }));
`;

function flipByte(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

function edit(folder: string, from: string, to: string): void {
  const path = join(folder, 'model.json');
  const text = readFileSync(path, 'utf8');
  expect(text).toContain(from);
  writeFileSync(path, text.replaceAll(from, to));
}
