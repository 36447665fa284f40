// Goal: `millrace audit` judges what the real services did, and its exit code can be relied on.
// Method: the whole house on a memory broker under a virtual clock; then one topic is tampered with.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT_CODES as codes } from '../../services/cli/exit-codes.ts';
import { CliWorld, cliRollout } from '../support/cli-world.ts';

let world: CliWorld;
beforeEach(async () => {
  world = new CliWorld();
  await world.start();
  await world.serve();
});
afterEach(() => world.stop());

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
const auditJson = async (...more: readonly string[]) => {
  const { code, stdout } = await world.run(['audit', 'numbers', '-o', 'json', ...more]);
  return { code, ...JSON.parse(stdout) };
};

describe('audit', () => {
  it('finds every promise kept over a canary, its rollback and dead letters', async () => {
    world.launcher.set(2, { poison: [3, 5] });
    world.launcher.set(1, { poison: [7] });
    await world.apply(cliRollout(2, 'canary', 'canary: { weightBp: 5000 }\n'));
    await world.produce(numbers(40));
    await world.recordsOf('predictions', 40);
    expect(await world.run(['abort', 'numbers', '--wait'])).toMatchObject({ code: codes.ok.code });
    await world.produce(numbers(10));
    await world.recordsOf('predictions', 50);
    await world.clock.advance(2_000);
    const report = await auditJson();
    expect(report).toMatchObject({ code: codes.ok.code, requests: 50, pending: 0, examples: [] });
    expect(report.deadLettered).toBeGreaterThanOrEqual(2);
    expect(report.answered + report.deadLettered).toBe(50);
    expect(report.versions.map(({ version }: { version: number }) => version)).toEqual([1, 2]);
  });

  it('finds an answer that was written twice, and says where', async () => {
    await world.produce(numbers(4));
    const [answer] = await world.recordsOf('predictions', 4);
    if (answer !== undefined) await world.bus.write([answer]);
    await world.clock.advance(2_000);
    const report = await world.run(['audit', 'numbers']);
    expect(report.code).toBe(codes.failed.code);
    expect(report.stdout).toMatch(/duplicated +1 +BROKEN/);
    expect(report.stdout).toMatch(/duplicated \d@\d: once more: numbers.predictions-/);
  });

  it('looks at the time that it is told to', async () => {
    await world.produce(numbers(4));
    await world.recordsOf('predictions', 4);
    await world.clock.advance(120_000);
    await world.produce(numbers(6));
    await world.recordsOf('predictions', 10);
    await world.clock.advance(2_000);
    expect(await auditJson('--from', '1m')).toMatchObject({ code: 0, requests: 6, answered: 6 });
    expect(await auditJson('--to', '1m')).toMatchObject({ code: 0, requests: 4, answered: 4 });
    expect((await world.run(['audit', 'numbers', '--from', 'yesterday'])).code).toBe(codes.usage.code);
  });

  it('leaves out control records that it cannot read, counts and names them', async () => {
    await world.produce(numbers(4));
    await world.recordsOf('predictions', 4);
    const { topics } = world;
    const [key, value] = ['stranger', 'no record'].map((text) => new TextEncoder().encode(text));
    const garbage = { partition: 0, key: key ?? null, value: value ?? null, headers: [] };
    for (const topic of [topics.control('events'), topics.control('workers'), topics.endpoint('numbers', 'cuts')]) {
      await world.write({ ...garbage, topic });
    }
    await world.apply(cliRollout(2, 'canary', 'canary: { weightBp: 5000 }\n'));
    await world.produce(numbers(4));
    await world.recordsOf('predictions', 8);
    await world.clock.advance(2_000);
    expect(await auditJson()).toMatchObject({ code: codes.ok.code, requests: 8, unreadable: 3, examples: [] });
    const report = await world.run(['audit', 'numbers']);
    expect(report.stdout).toContain('3 control records cannot be read and were left out');
    expect(report.stderr).toMatch(/left out: numbers\.cuts@\d+ cannot be read/);
  });

  it('says that there is no such endpoint', async () => {
    expect((await world.run(['audit', 'nothing'])).code).toBe(codes.notFound.code);
  });
});
