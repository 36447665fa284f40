// Goal: what the command line changes and shows of rollouts, against the real services, with the published exit codes.
// Method: command lines against the whole house on a memory broker under a virtual clock (support/cli-world.ts).

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT_CODES as codes } from '../../services/cli/exit-codes.ts';
import { CLI_ENDPOINT, CliWorld, cliRollout } from '../support/cli-world.ts';

let world: CliWorld;
beforeEach(async () => {
  world = new CliWorld();
  await world.start();
});
afterEach(() => world.stop());

describe('apply', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-cli-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('writes an endpoint and a rollout, and waits until the controller is done', async () => {
    const { code, stdout } = await world.apply(`${CLI_ENDPOINT}---\n${cliRollout(1, 'basic')}`);
    expect(code).toBe(0);
    expect(stdout).toMatch(/endpoint +numbers +ok +endpoint-defined/);
    expect(stdout).toMatch(/rollout +numbers +ok +rollout-completed numbers-1: promoted/);
  });

  it('records who asked and why', async () => {
    await world.apply(CLI_ENDPOINT);
    await world.apply(cliRollout(1, 'basic'), '--reason', 'first one');
    const events = (await world.run(['events', 'numbers', '-o', 'json'])).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.find(({ type }) => type === 'rollout-accepted')).toMatchObject({ actor: 'ana', reason: 'first one' });
  });

  it('ends with the refusal, its code and what to do', async () => {
    await world.serve();
    const refused = await world.apply(cliRollout(91, 'canary'));
    expect(refused.code).toBe(codes.refused.code);
    expect(refused.stderr).toContain(
      'PACKAGE_MISSING: there is no version 91 of numbers in the repository\nPut the package there',
    );
  });

  it('waits for a canary until it serves, and says when it fails to load', async () => {
    await world.serve();
    expect((await world.apply(cliRollout(2, 'canary'))).code).toBe(0);
    expect((await world.run(['abort', 'numbers', '--wait'])).code).toBe(0);
    world.launcher.set(3, { state: 'FAILED' });
    const failed = await world.apply(cliRollout(3, 'blue-green'));
    expect(failed.code).toBe(codes.failed.code);
    expect(failed.stderr).toContain('GOLDEN_MISMATCH');
  });

  it('takes the same again as done', async () => {
    await world.serve();
    expect((await world.apply(cliRollout(2, 'canary'))).code).toBe(0);
    expect((await world.apply(cliRollout(2, 'canary'))).code).toBe(0);
  });

  it('times out when nobody answers, and what was written stays written', async () => {
    await world.serve();
    world.launcher.set(2, { state: 'LOADING' });
    const late = await world.apply(cliRollout(2, 'canary'), '--timeout', '5s');
    expect(late.code).toBe(codes.timedOut.code);
    expect(late.stderr).toContain('TIMED_OUT: rollout of numbers: nothing within 5 s');
  });

  it('writes nothing when one file is wrong, and shows file, line and column', async () => {
    const good = join(folder, 'good.yaml');
    const bad = join(folder, 'bad.yaml');
    await writeFile(good, CLI_ENDPOINT);
    await writeFile(bad, cliRollout(1, 'canary', 'canary:\n  weightBp: 10001\n  speed: 1\n'));
    const { code, stderr, stdout } = await world.run(['apply', '-f', good, bad]);
    expect(code).toBe(codes.usage.code);
    expect(stderr).toContain(`${bad}:5:13: canary.weightBp: `);
    expect(stderr).toContain(`${bad}:6:3: canary.speed: there is no such key`);
    expect(stderr).toContain('2 problems; nothing was written');
    expect(stdout).toBe('');
    expect((await world.run(['status', '-o', 'json'])).stdout).toBe('[]\n');
  });

  it('only checks with --dry-run', async () => {
    const dry = await world.run(['apply', '-f', '-', '--dry-run'], { stdin: CLI_ENDPOINT });
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('valid') });
    expect((await world.run(['status', '-o', 'json'])).stdout).toBe('[]\n');
  });
});

describe('promote, abort and set weight', () => {
  beforeEach(() => world.serve());

  it('move a canary to its end', async () => {
    await world.apply(cliRollout(2, 'canary'));
    const moved = await world.run(['set', 'weight', 'numbers', '25%', '--reason', 'so far so good']);
    expect(moved).toMatchObject({ code: 0, stdout: expect.stringContaining('weight 1000 → 2500 bp') });
    const promoted = await world.run(['promote', 'numbers', '--wait']);
    expect(promoted).toMatchObject({ code: 0, stdout: expect.stringContaining('rollout-completed') });
    const [status] = JSON.parse((await world.run(['status', '-o', 'json'])).stdout);
    expect(status).toMatchObject({ status: 'Complete', reason: 'Promoted', incumbent: 2, candidate: null });
  });

  it('say why they are refused', async () => {
    const refused = await world.run(['promote', 'numbers']);
    expect(refused.code).toBe(codes.refused.code);
    expect(refused.stderr).toContain(
      'ROLLOUT_NONE: endpoint numbers has no rollout to promote\nSee `millrace status`.',
    );
    expect((await world.run(['abort', 'unheard'])).stderr).toContain('ENDPOINT_UNKNOWN');
  });

  it('wait for nothing when told so', async () => {
    const written = await world.run(['abort', 'numbers', '--no-wait', '-o', 'json']);
    expect(JSON.parse(written.stdout)).toMatchObject({ verb: 'abort', result: 'written', event: null });
  });

  it.each([['101%'], ['10001'], ['-1'], ['much']])(
    'refuse the weight %s before anything is written',
    async (weight) => {
      const refused = await world.run(['set', 'weight', 'numbers', '--', weight]);
      expect(refused).toMatchObject({ code: codes.usage.code, stderr: expect.stringContaining('USAGE: ') });
    },
  );
});

describe('status', () => {
  it('shows roles, weights, workers, lag and landed cuts', async () => {
    await world.serve();
    await world.apply(cliRollout(2, 'canary', 'canary: { weightBp: 2500 }\n'));
    await world.produce([1, 2, 3, 4]);
    await world.recordsOf('predictions', 4);
    const shown = await world.run(['status', 'numbers']);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toMatch(/numbers +Progressing +CandidateServing +canary +v1 +v2 +25\.00% +\d+ +2\/2 +0/);
    expect(shown.stdout).toMatch(/numbers\/blue +incumbent +v1 +75\.00% +1 READY +0/);
    expect(shown.stdout).toMatch(/numbers\/green +candidate +v2 +25\.00% +1 READY +0/);
    const one = JSON.parse((await world.run(['status', 'numbers', '-o', 'json'])).stdout);
    expect(one).toMatchObject({
      endpoint: 'numbers',
      weightBp: 2500,
      cuts: { landed: 2, partitions: 2 },
      degraded: [],
    });
  });

  it('says that an endpoint whose incumbent cannot answer is degraded, and why', async () => {
    await world.serve();
    world.launcher.set(1, { state: 'FAILED' });
    await world.clock.advance(2_000);
    await world.produce([1, 2, 3]);
    const shown = await world.run(['status', 'numbers']);
    expect(shown.stdout).toMatch(/numbers +Degraded/);
    expect(shown.stdout).toContain('no live worker is READY for v1: GOLDEN_MISMATCH: made to fail');
    expect(shown.stdout).toMatch(/numbers\/blue +incumbent +v1 +100\.00% +1 FAILED +[1-9]/);
  });

  it('ends with 4 for an endpoint that is not there, and 0 when there is none at all', async () => {
    expect(await world.run(['status', 'nobody'])).toMatchObject({
      code: codes.notFound.code,
      stderr: expect.stringContaining('ENDPOINT_UNKNOWN'),
    });
    expect((await world.run(['status'])).stdout).toContain('no endpoint yet');
  });

  it('watches until Ctrl-C, and shows only what changed', async () => {
    await world.serve();
    const watched = await world.run(['status', '--watch', '-o', 'json'], { interruptAfterMs: 5_500 });
    expect(watched.code).toBe(0);
    expect(watched.stdout.trim().split('\n')).toHaveLength(1);
  });
});

describe('events', () => {
  beforeEach(() => world.serve());

  it('follows until Ctrl-C', async () => {
    const { code, stdout } = await world.run(['events', 'numbers', '--follow'], { interruptAfterMs: 100 });
    expect(code).toBe(0);
    expect(stdout).toMatch(/numbers rollout-accepted numbers-1 v1 basic: version 1 loads in lane blue by ana/);
  });

  it('leaves out what is older than --since, and other endpoints', async () => {
    await world.clock.advance(120_000);
    expect((await world.run(['events', '--since', '1m'])).stdout).toBe('');
    expect((await world.run(['events', 'others'])).stdout).toBe('');
  });
});

describe('topics create', () => {
  it('creates what is missing, says what was there, and sets the record-size limits', async () => {
    const created = await world.run(['topics', 'create', '-e', 'letters', '-p', '3', '-o', 'json']);
    const rows = JSON.parse(created.stdout);
    expect(rows.find(({ name }: { name: string }) => name === 'millrace.plans')).toMatchObject({ result: 'exists' });
    expect(rows.find(({ name }: { name: string }) => name === 'letters.lane.blue')).toMatchObject({
      result: 'created',
      partitions: 3,
      config: { 'max.message.bytes': '1114112' },
    });
    expect(await world.bus.admin.partitions('letters.requests')).toBe(3);
    expect((await world.run(['topics', 'create', '-e', 'letters', '-p', '3'])).stdout).not.toContain('created');
  });

  it('refuses another partition count and partitions of nothing', async () => {
    await world.run(['topics', 'create', '-e', 'letters', '-p', '3']);
    const other = await world.run(['topics', 'create', '-e', 'letters', '-p', '4']);
    expect(other).toMatchObject({ code: codes.failed.code, stderr: expect.stringContaining('TOPIC_MISMATCH') });
    expect((await world.run(['topics', 'create', '-p', '4'])).code).toBe(codes.usage.code);
  });
});

describe('errors', () => {
  it.each([
    [['stauts'], "unknown command 'stauts'"],
    [['status', '--colour'], "unknown option '--colour'"],
    [['apply'], "required option '-f, --file <file...>' not specified"],
    [['events', '--since', 'yesterday'], "'yesterday' is no time"],
    [['status', '-o', 'xml'], 'Allowed choices are table, json, yaml'],
    [['produce', 'No Endpoint'], "'No Endpoint' is no endpoint"],
    [['status', 'a', 'b'], 'too many arguments'],
  ])('%j is a usage error with a way out', async (args, words) => {
    const { code, stderr, stdout } = await world.run(args);
    expect({ code, stdout }).toEqual({ code: codes.usage.code, stdout: '' });
    expect(stderr).toContain('USAGE: ');
    expect(stderr).toContain(words);
    expect(stderr).toMatch(/See .*--help/);
  });

  it('settings are checked like those of every service', async () => {
    const unset = await world.run(['status'], { env: { MILLRACE_BROKERS: '' } });
    expect(unset).toMatchObject({
      code: codes.usage.code,
      stderr: expect.stringContaining('MILLRACE_BROKERS must be set'),
    });
  });

  it('a topic that is missing is told with what to do', async () => {
    const { code, stderr } = await world.run(['--prefix', 'other-', 'status']);
    expect(code).toBe(codes.notFound.code);
    expect(stderr).toContain(
      'TOPIC_UNKNOWN: topic other-millrace.events does not exist\nCreate it with `millrace topics create`',
    );
  });
});
