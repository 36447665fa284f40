// Goal: `millrace compare` shows what the comparator has counted, as a table, as JSON and as a page that needs nothing else.
// Method: the whole house on a memory broker under a virtual clock; fake versions answer `version * 1000 + x`.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT_CODES as codes } from '../../services/cli/exit-codes.ts';
import { CliWorld, cliRollout } from '../support/cli-world.ts';

let world: CliWorld;
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-compare-'));
  world = new CliWorld();
  await world.start();
  await world.serve();
});
afterEach(async () => {
  await world.stop();
  rmSync(folder, { recursive: true });
});

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

async function shadowed(): Promise<void> {
  const applied = await world.apply(cliRollout(2, 'shadow', 'shadow: { baselineBp: 10000 }\n'));
  expect(applied.code).toBe(codes.ok.code);
  await world.produce(numbers(40));
  await world.recordsOf('predictions', 40);
  await world.clock.advance(5_000);
}

describe('compare', () => {
  it('shows the newest shadows, the noise baseline among them', async () => {
    await shadowed();
    const { code, stdout } = await world.run(['compare', 'numbers', '-o', 'json']);
    expect(code).toBe(codes.ok.code);
    const reports = JSON.parse(stdout);
    expect(reports.map(({ run }: { run: string }) => run).sort()).toEqual(['numbers-2/1', 'numbers-2/2']);
    const candidate = reports.find(({ run }: { run: string }) => run === 'numbers-2/2');
    expect(candidate).toMatchObject({ endpoint: 'numbers', coverage: 1, counts: { matched: 40, missingShadow: 0 } });
    expect(candidate.pairs).toMatchObject([{ live: { version: 1 }, shadow: { version: 2 }, pairs: 40, agreement: 0 }]);
    expect(candidate.examples[0]).toMatchObject({ why: 'worst', at: { request: { topic: 'numbers.requests' } } });
    const baseline = reports.find(({ run }: { run: string }) => run === 'numbers-2/1');
    expect(baseline.pairs).toMatchObject([{ live: { version: 1 }, shadow: { version: 1 }, agreement: 1 }]);
  });

  it('prints a table, with as many disagreements as are asked for', async () => {
    await shadowed();
    const { code, stdout } = await world.run(['compare', 'numbers', '--top', '3', '--run', 'numbers-2/2']);
    expect(code).toBe(codes.ok.code);
    expect(stdout).toMatch(/numbers: run numbers-2\/2/);
    expect(stdout.match(/numbers\.requests-\d@\d/g)).toHaveLength(3);
    const tooMany = await world.run(['compare', 'numbers', '--top', '21']);
    expect(tooMany.code).toBe(codes.usage.code);
  });

  it('writes a page that asks nobody for anything', async () => {
    await shadowed();
    const page = join(folder, 'compare.html');
    const written = await world.run(['compare', 'numbers', '--run', 'numbers-2/2', '--report', page]);
    expect(written).toMatchObject({ code: codes.ok.code });
    const text = readFileSync(page, 'utf8');
    expect(text).toContain('numbers-2/2');
    // The baseline's run is not shown, and known all the same.
    expect(text.replaceAll('\u00a0', ' ')).toContain('noise floor 0 %');
    expect(text).not.toMatch(/<script|<link|src="http|url\(/);
  });

  it('shows every version by itself when it is asked for those without a pair', async () => {
    await world.produce(numbers(10));
    await world.recordsOf('predictions', 10);
    await world.clock.advance(5_000);
    const { stdout } = await world.run(['compare', 'numbers', '--run', 'live', '-o', 'json']);
    expect(JSON.parse(stdout)).toMatchObject([
      { run: 'live', pairs: [{ live: { version: 1, answers: 10 }, shadow: null }] },
    ]);
  });

  it('says what there is when there is no such comparison', async () => {
    const { code, stderr } = await world.run(['compare', 'numbers']);
    expect(code).toBe(codes.notFound.code);
    expect(stderr).toContain('there are: live');
    expect((await world.run(['compare', 'nothing'])).code).toBe(codes.notFound.code);
  });
});
