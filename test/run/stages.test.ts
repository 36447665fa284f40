// Goal: a stage that fails, overruns or reports nothing fails the command, and leaves no process behind.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runStage, runStages, type Stage, type StageResult, stagesOf, totalBudgetMs, withinTotal } from './stages.ts';
import { summaryOf } from './summary.ts';

const scratch = mkdtempSync(join(tmpdir(), 'millrace-stages-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const shell = (script: string, more: Partial<Stage> = {}): Stage => ({
  ...{ name: 'stage', command: 'sh', args: ['-c', script], budgetMs: 20_000, resultFile: null, notPossible: null },
  ...more,
});
const report = (name: string, text: string) => {
  const file = join(scratch, name);
  writeFileSync(file, text);
  return file;
};

describe('a stage', () => {
  it('is as good as its exit code', async () => {
    expect(await runStage(shell('exit 0'))).toMatchObject({ ok: true, note: '' });
    expect(await runStage(shell('exit 7'))).toMatchObject({ ok: false, note: 'exit 7' });
    expect(await runStage(shell('', { command: 'no-such-command' }))).toMatchObject({ ok: false });
  });

  it('may be impossible here, but only where that is allowed', async () => {
    expect(await runStage(shell('exit 3', { notPossible: 3 }))).toMatchObject({
      ok: true,
      note: 'not possible on this machine',
    });
    expect(await runStage(shell('exit 3'))).toMatchObject({ ok: false });
  });

  it('that overruns its budget fails, and everything that it started is ended', async () => {
    const pidFile = join(scratch, 'pid');
    const script = `sleep 600 & echo $! > ${pidFile}; wait`;
    expect(await runStage(shell(script, { budgetMs: 300 }))).toMatchObject({ ok: false, note: 'over budget' });
    const pid = Number(readFileSync(pidFile, 'utf8'));
    await expect.poll(() => alive(pid)).toBe(false);
  });

  it('counts the tests of its report', async () => {
    const resultFile = report(
      'good.json',
      '{"numPassedTests":5,"numFailedTests":0,"numPendingTests":2,"numTodoTests":1}',
    );
    expect(await runStage(shell('exit 0', { resultFile }))).toMatchObject({
      ok: true,
      passed: 5,
      failed: 0,
      skipped: 3,
    });
  });

  it.each([
    ['is not there', join(scratch, 'absent.json')],
    ['is no JSON', report('cut.json', '{"numPassedTests":')],
    ['has no counts', report('other.json', '{}')],
    [
      'ran no test',
      report('none.json', '{"numPassedTests":0,"numFailedTests":0,"numPendingTests":0,"numTodoTests":0}'),
    ],
  ])('fails when its report %s', async (_, resultFile) => {
    const result = await runStage(shell('exit 0', { resultFile }));
    expect(result).toMatchObject({ ok: false });
    expect(result.note).toMatch(/report/);
  });
});

const result = (more: Partial<StageResult>): StageResult => ({
  ...{ name: 's', ok: true, note: '', seconds: 1, budgetMs: 9_000, passed: 0, failed: 0, skipped: 0 },
  ...more,
});

describe('all stages together', () => {
  it('have forty minutes under CI, and five without', () => {
    expect([true, false].map(totalBudgetMs)).toEqual([2_400_000, 300_000]);
  });

  it('leave a stage its own budget, or what is left of theirs', () => {
    const before = [result({ seconds: 100 }), result({ seconds: 150.5 })];
    const left = (totalMs: number) => withinTotal(shell('', { budgetMs: 20_000 }), before, totalMs).budgetMs;
    expect([300_000, 260_000, 250_000].map(left)).toEqual([20_000, 9_500, 0]);
  });

  it('end with the one that overruns the total, or fails', async () => {
    const over = await runStages([shell('sleep 600'), shell('exit 0')], 300);
    expect(over).toMatchObject([{ ok: false, note: 'over budget', budgetMs: 300 }]);
    expect(await runStages([shell('exit 0'), shell('exit 7'), shell('exit 0')], 60_000)).toMatchObject([
      { ok: true },
      { ok: false, note: 'exit 7' },
    ]);
  });
});

describe('the stages', () => {
  it('include demo and simulation under CI only, where nothing may be impossible', () => {
    const names = (ci: boolean) => stagesOf({ ci, scratch }).map((stage) => stage.name);
    expect(names(true)).toEqual([
      ...names(false),
      'demo',
      'overload',
      'chaos',
      'simulation',
      'planted bugs',
      'hostile input',
    ]);
    expect(stagesOf({ ci: true, scratch }).map((stage) => stage.notPossible)).not.toContain(3);
  });
});

describe('the summary', () => {
  it('adds tests, and stages without tests as one each', () => {
    const text = summaryOf([result({}), result({ passed: 4, skipped: 1 }), result({ note: 'not possible' })], 1);
    expect(text).toMatch(/\n5 passed, 0 failed, 2 skipped\n$/);
  });

  it('tells what all of them took, beside their budget', () => {
    const text = summaryOf([result({ seconds: 20 }), result({ seconds: 22.5 })], 300_000);
    expect(text).toMatch(/\n +all +42\.5 s of 300 s\n/);
  });

  it('never calls a failed stage green', () => {
    expect(summaryOf([result({ ok: false, note: 'exit 1' })], 1)).toMatch(/0 passed, 1 failed, 0 skipped/);
    expect(summaryOf([result({ ok: false, note: 'over budget', passed: 4 })], 1)).toMatch(/4 passed, 1 failed/);
  });
});

/** Dead is also what nobody has asked after yet. */
function alive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
