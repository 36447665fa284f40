// Goal: `millrace dev` as a newcomer runs it: one process that serves a model on a real Kafka, used from another, ended by Ctrl-C.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { digitTensor, loadDigits } from '../../demo/data/digits.ts';
import { demoPath } from '../../demo/demo-path.ts';
import { repositoryFile } from '../../shared/broker/jars.ts';
import { codecNamed } from '../../shared/codec/registry.ts';
import { describeWithBroker } from '../support/broker.ts';
import { eventually } from '../support/eventually.ts';

const ANSWER_MS = 30_000;
const folder = mkdtempSync(join(tmpdir(), 'millrace-dev-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** `dist/services/cli/main.js` (build-child.ts compiles it) with all it says. */
function start(args: readonly string[], env: Readonly<Record<string, string>>) {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, [repositoryFile('dist/services/cli/main.js'), ...args], {
    env: { PATH, ...env },
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    said.stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    said.stderr += String(chunk);
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, said, ended };
}

function fileOf(name: string, lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

describeWithBroker('millrace dev', ({ brokers, prefix }) => {
  const env = { MILLRACE_BROKERS: brokers.join(), MILLRACE_PREFIX: prefix };
  const run = async (args: readonly string[], input = '') => {
    const { child, said, ended } = start(args, env);
    child.stdin.end(input);
    return { code: await ended, ...said };
  };

  it('serves what its files say, shadows, is used from other processes, and ends with Ctrl-C', async () => {
    const endpoint = fileOf('endpoint.yaml', ['endpoint: digits', 'partitions: 2']);
    const first = fileOf('first.yaml', ['endpoint: digits', 'candidate: 1', 'strategy: basic']);
    const dev = start(['dev', '--repository', demoPath('models'), '-f', endpoint, '-f', first], env);
    try {
      const detail = () => `${dev.said.stdout}\n${dev.said.stderr}`;
      const serves = () => dev.said.stderr.includes('rollout-completed');
      await eventually('version 1 serves', serves, { timeoutMs: ANSWER_MS, detail });
      expect(dev.said.stdout).toContain(`export MILLRACE_BROKERS=${env.MILLRACE_BROKERS}`);

      const request = Buffer.from(codecNamed('json').encodeRequest([digitTensor(loadDigits(), 0)], {})).toString();
      const sent = await run(['produce', 'digits', '-o', 'json'], `${request}\n`);
      const source = /[\w.]+-\d+-\d+/.exec(sent.stdout)?.[0] ?? '';
      const explained = async () => (await run(['explain', source])).code === 0;
      await eventually('the request has its answer', explained, { timeoutMs: ANSWER_MS, detail });
      expect(await run(['audit', 'digits'])).toMatchObject({ code: 0 });

      const shadow = fileOf('shadow.yaml', [
        ...['endpoint: digits', 'candidate: 4', 'strategy: shadow'],
        'shadow: { baselineBp: 10000 }',
      ]);
      expect(await run(['apply', '-f', shadow, '--wait'])).toMatchObject({ code: 0 });
      const digits = Array.from({ length: 50 }, (_, digit) => digitTensor(loadDigits(), digit));
      const requests = digits.map((digit) => Buffer.from(codecNamed('json').encodeRequest([digit], {})).toString());
      expect(await run(['produce', 'digits'], `${requests.join('\n')}\n`)).toMatchObject({ code: 0 });
      const page = join(folder, 'compare.html');
      const compared = async () => {
        const { stdout } = await run(['compare', 'digits', '-o', 'json', '--report', page]);
        const reports: { counts: { matched: number } }[] = stdout.startsWith('[') ? JSON.parse(stdout) : [];
        return reports.length === 2 && reports.every(({ counts }) => counts.matched === digits.length);
      };
      await eventually('every digit is compared', compared, { timeoutMs: ANSWER_MS, detail });
      expect(readFileSync(page, 'utf8')).toContain('data:image/bmp;base64,');

      const replay = [
        'shadow',
        'replay',
        'digits',
        '--candidate',
        '3',
        '--repository',
        demoPath('models'),
        '--report',
        page,
        '-o',
        'json',
      ];
      const replayed = await run(replay);
      expect(replayed, replayed.stderr).toMatchObject({ code: 0 });
      expect(JSON.parse(replayed.stdout)).toMatchObject([{ run: 'replay/3', coverage: 1, counts: { matched: 51 } }]);
      expect(readFileSync(page, 'utf8')).toMatch(/replay\/3.*noise floor 0\b/s);
    } finally {
      dev.child.kill('SIGINT');
    }
    expect(await dev.ended).toBe(0);
  });
});
