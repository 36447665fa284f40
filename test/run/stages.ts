// Stages of the test command: what runs, for how long at most, and how the end is told.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { systemClock } from '../../shared/process/clock.ts';
import { secondsOf } from './summary.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
/** After a stage overran its budget it gets this long to end by itself. */
const GRACE_MS = 10 * SECOND_MS;

export interface Stage {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly budgetMs: number;
  /** A vitest JSON report, or null for a stage that is one check by itself. */
  readonly resultFile: string | null;
  /** Exit code that means "not possible on this machine"; allowed outside CI. */
  readonly notPossible: number | null;
}

export interface StageResult {
  readonly name: string;
  readonly ok: boolean;
  readonly note: string;
  readonly seconds: number;
  readonly budgetMs: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** All stages together, without CI and under it. */
export function totalBudgetMs(ci: boolean): number {
  return (ci ? 40 : 5) * MINUTE_MS;
}

/** The stages of this run. */
export function stagesOf(options: { readonly ci: boolean; readonly scratch: string }): readonly Stage[] {
  const { ci, scratch } = options;
  const npm = (name: string, budgetMs: number, args: readonly string[] = []): Stage => ({
    name,
    command: 'npm',
    args: ['run', '--silent', name, ...(args.length > 0 ? ['--', ...args] : [])],
    budgetMs,
    resultFile: null,
    notPossible: null,
  });
  const vitest = (project: string, budgetMs: number): Stage => {
    const resultFile = join(scratch, `${project}.json`);
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${resultFile}`];
    return {
      name: `${project} tests`,
      command: 'npx',
      args: ['vitest', 'run', '--project', project, ...reporters],
      budgetMs,
      resultFile,
      notPossible: null,
    };
  };
  return [
    { ...npm('setup:tensorflow', 8 * MINUTE_MS), notPossible: ci ? null : 3 },
    npm('lint', MINUTE_MS),
    npm('typecheck', MINUTE_MS),
    vitest('unit', 3 * MINUTE_MS),
    vitest('client', MINUTE_MS),
    vitest('house', 4 * MINUTE_MS),
    vitest('integration', 10 * MINUTE_MS),
    ...(ci
      ? [
          npm('demo', 6 * MINUTE_MS, ['--check']),
          npm('overload', 8 * MINUTE_MS, ['--seconds', '20', '--pairs', '1']),
          npm('chaos', 10 * MINUTE_MS, ['--minutes', '2']),
          { ...npm('sim', 5 * MINUTE_MS, ['--seeds', '1000']), name: 'simulation' },
          { ...npm('sim', 8 * MINUTE_MS, ['--mutants']), name: 'planted bugs' },
          { ...npm('fuzz', 16 * MINUTE_MS), name: 'hostile input' },
        ]
      : []),
  ];
}

/** What is read of a vitest JSON report. */
const reportSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
});

type Counts = Pick<StageResult, 'passed' | 'failed' | 'skipped'>;
const NO_COUNTS: Counts = { passed: 0, failed: 0, skipped: 0 };

/** Tests of a stage; null when its report cannot be read or names none, which is no success whatever the exit code. */
function countsOf({ resultFile }: Stage): Counts | null {
  if (resultFile === null) return NO_COUNTS;
  try {
    const found = reportSchema.parse(JSON.parse(readFileSync(resultFile, 'utf8')));
    const skipped = found.numPendingTests + found.numTodoTests;
    const counts = { passed: found.numPassedTests, failed: found.numFailedTests, skipped };
    return counts.passed + counts.failed + counts.skipped === 0 ? null : counts;
  } catch {
    return null;
  }
}

/** Runs stages in order until one fails. None gets more time than all of them have left, so an overrun of the total fails. */
export async function runStages(stages: readonly Stage[], totalMs: number): Promise<readonly StageResult[]> {
  const results: StageResult[] = [];
  for (const stage of stages) {
    const result = await runStage(withinTotal(stage, results, totalMs));
    results.push(result);
    if (!result.ok) break;
  }
  return results;
}

/** The stage with no more time than `totalMs` has left after the stages before. */
export function withinTotal(stage: Stage, before: readonly StageResult[], totalMs: number): Stage {
  const leftMs = Math.max(0, Math.round(totalMs - secondsOf(before) * SECOND_MS));
  return { ...stage, budgetMs: Math.min(stage.budgetMs, leftMs) };
}

/** Runs one stage with its output passed through, in a process group of its own, so that it can be ended whole. */
export async function runStage(stage: Stage): Promise<StageResult> {
  process.stdout.write(`\n── ${stage.name} (budget ${stage.budgetMs / SECOND_MS} s)\n`);
  const startMs = systemClock.nowMs();
  const child = spawn(stage.command, [...stage.args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  });
  const unforward = forwardSignals(child);
  const ended = new AbortController();
  let overran = false;
  void systemClock.sleep(stage.budgetMs, ended.signal).then(async () => {
    if (ended.signal.aborted) return;
    overran = true;
    endGroup(child, 'SIGTERM');
    await systemClock.sleep(GRACE_MS, ended.signal);
    if (!ended.signal.aborted) endGroup(child, 'SIGKILL');
  });
  const code = await new Promise<number | null>((resolve) => {
    child.once('exit', resolve);
    child.once('error', () => resolve(null));
  });
  ended.abort();
  unforward();
  // What the stage's own command left behind has no reason to live on.
  if (overran) endGroup(child, 'SIGKILL');
  const counts = countsOf(stage);
  const skipped = code !== null && code === stage.notPossible;
  return {
    name: stage.name,
    ok: (code === 0 || skipped) && !overran && counts !== null,
    note: noteOf({ code, overran, skipped, reported: counts !== null }),
    seconds: (systemClock.nowMs() - startMs) / SECOND_MS,
    budgetMs: stage.budgetMs,
    ...(counts ?? NO_COUNTS),
  };
}

function noteOf(end: { code: number | null; overran: boolean; skipped: boolean; reported: boolean }): string {
  if (end.overran) return 'over budget';
  if (end.skipped) return 'not possible on this machine';
  if (end.code !== 0) return `exit ${end.code}`;
  return end.reported ? '' : 'its report cannot be read';
}

/** Ends the stage and all that it started. */
function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    // The group is gone.
  }
}

/** A group of its own does not hear the terminal's Ctrl-C. */
function forwardSignals(child: ChildProcess): () => void {
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const forward = (signal: NodeJS.Signals) => endGroup(child, signal);
  for (const signal of signals) process.on(signal, forward);
  return () => {
    for (const signal of signals) process.off(signal, forward);
  };
}
