// Goal: the demo is one for everybody: without any Kafka it says so once, and shows the same on the in-memory bus.
// Method: the demo as a process that finds no program, neither `docker` nor `java`. Few requests, slowly: models load meanwhile.

import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { demoPath } from '../../demo/demo-path.ts';
import { CHECKS } from '../../shared/analysis/violation.ts';

const MAIN = demoPath('..', 'dist', 'demo', 'run', 'main.js');
const REQUESTS = 3_000;
const RATE = 60;
const TEST_MS = 230_000;
const OUTPUT_BYTES_MAX = 10_000_000;

function demo(...options: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'demo-'));
  const env = { HOME: folder, TMPDIR: folder, PATH: folder };
  return new Promise((resolve) => {
    const limits = { timeout: TEST_MS, maxBuffer: OUTPUT_BYTES_MAX };
    // Whether the run was a good one is told by the report; on a busy machine so few requests may be over too early.
    execFile(process.execPath, [MAIN, ...options], { env, ...limits }, (_, stdout, stderr) =>
      resolve({ stdout, stderr }),
    );
  });
}

it(
  'runs on the in-memory bus where there is neither Docker nor Java, and says so in one line',
  async () => {
    const { stdout, stderr } = await demo('--json', '--requests', String(REQUESTS), '--rate', String(RATE));
    const why = 'MILLRACE_BROKERS is not set; no Docker daemon answers; there is no Java (17 or newer is needed)';
    expect(stderr.split('\n').filter((line) => line.includes('in-memory'))).toEqual([
      `No Kafka (${why}): the demo runs on the in-memory bus.`,
    ]);
    expect(stdout, stderr).toMatch(/^\{.*\}\n$/);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ broker: 'memory', requests: REQUESTS, answered: REQUESTS },
      violations: Object.fromEntries(CHECKS.map((check) => [check, 0])),
    });
  },
  TEST_MS,
);
