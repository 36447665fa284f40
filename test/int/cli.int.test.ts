// Goal: the command line as a user has it: the compiled program, its exit codes and what it says, against a real Kafka.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { repositoryFile } from '../../shared/broker/jars.ts';
import { describeWithBroker } from '../support/broker.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs `dist/services/cli/main.js` (build-child.ts compiles it). */
function millrace(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { PATH = '' } = process.env;
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    const main = repositoryFile('dist/services/cli/main.js');
    const child = execFile(process.execPath, [main, ...args], { env: { PATH, ...env } }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

describeWithBroker('the command line', ({ brokers, prefix }) => {
  const env = { MILLRACE_BROKERS: brokers.join(), MILLRACE_PREFIX: prefix };

  it('creates the control topics, and again does no harm', async () => {
    for (let run = 0; run < 2; run++) expect(await millrace(['topics', 'create'], env)).toMatchObject({ code: 0 });
  });

  it('says where a file is wrong, and writes nothing', async () => {
    const file = join(folder, 'bad.yaml');
    writeFileSync(file, 'kind: rollout\nendpoint: digits\ncandidate: one\nstrategy: basic\n');
    const { code, stderr } = await millrace(['apply', '-f', file, '--dry-run'], env);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/bad\.yaml:\d+:\d+/) });
  });

  it('knows no endpoint that nobody defined', async () => {
    expect(await millrace(['status', 'nobody'], env)).toMatchObject({ code: 4 });
  });

  it('ends when no broker answers', async () => {
    const { code, stderr } = await millrace(['status'], { ...env, MILLRACE_BROKERS: '127.0.0.1:9' });
    expect({ code, stderr }).toEqual({ code: 5, stderr: expect.stringContaining('127.0.0.1:9') });
  });

  it('verifies a package without a broker', async () => {
    expect(await millrace(['model', 'verify', repositoryFile('demo/models/digits/1')])).toMatchObject({ code: 0 });
  });
});
