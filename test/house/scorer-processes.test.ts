// Goal: the seam of scorer and model process: a row over which a real process ends costs only itself, in both slots.

import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../shared/process/clock.ts';
import { modelLauncher, NICE_LIVE } from '../../shared/runtimes/spawn.ts';
import type { RowBlock } from '../../shared/scoring/rows.ts';
import { Versions } from '../../shared/serving/versions.ts';
import { BAD, FAULTY_RUNTIME, packFaulty, temporaryFolder } from '../support/tiny-models.ts';

const ROWS = 32;
const running: Versions[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((versions) => versions.stop()));
});

function block(x: number): RowBlock {
  return { rows: 1, inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: Float32Array.of(x) }] };
}

test.each([
  ['exits', BAD.exit, 'MODEL_CRASHED'],
  ['hangs', BAD.hang, 'MODEL_DEADLINE'],
])(
  'when a process %s over one row, every other row is answered by its own version',
  async (_, bad, code) => {
    const root = temporaryFolder();
    const { manifest } = await packFaulty(root, '', { maxBatchRows: 8 });
    const { endpoint, version, digest } = manifest;
    const launcher = modelLauncher({
      ...{ repository: root, clock: systemClock, nice: NICE_LIVE, environment: process.env },
      ...{ onNotice: () => undefined, runtimeModules: [FAULTY_RUNTIME] },
    });
    const versions = new Versions({ endpoint, launcher, clock: systemClock, onState: () => undefined });
    running.push(versions);
    const rows = Array.from({ length: ROWS }, (__, x) => (x === 0 ? bad : x));
    const outcomes = await versions.score({ version, digest }, rows.map(block));
    const ends = outcomes.map((end) => (end.kind === 'scored' ? end.outputs[0]?.data[0] : end.error.code));
    expect(ends).toEqual(rows.map((x) => (x === bad ? code : 2 * x)));
  },
  20_000,
);
