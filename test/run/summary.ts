// Summary: how the stages of the test command ended, and what they took of their budgets.

import type { StageResult } from './stages.ts';

const SECOND_MS = 1_000;

/** What stages took together. */
export function secondsOf(results: readonly StageResult[]): number {
  return results.reduce((sum, { seconds }) => sum + seconds, 0);
}

/** The table at the end, and the closing line. A stage without tests of its own counts as one check. */
export function summaryOf(results: readonly StageResult[], totalMs: number): string {
  const rows = results.map((result) => {
    const verdict = result.ok ? (result.note === '' ? 'ok' : 'skipped') : 'FAILED';
    const time = `${result.seconds.toFixed(1)} s of ${result.budgetMs / SECOND_MS} s`;
    return `${verdict.padEnd(8)}${result.name.padEnd(20)}${time.padEnd(20)}${result.note}`;
  });
  rows.push(`${''.padEnd(8)}${'all'.padEnd(20)}${secondsOf(results).toFixed(1)} s of ${totalMs / SECOND_MS} s`);
  let [passed, failed, skipped] = [0, 0, 0];
  for (const result of results) {
    const counted = result.passed + result.failed + result.skipped > 0;
    passed += counted ? result.passed : result.ok && result.note === '' ? 1 : 0;
    failed += counted ? result.failed : result.ok ? 0 : 1;
    skipped += counted ? result.skipped : result.ok && result.note !== '' ? 1 : 0;
    // Every test of a stage may have passed and the stage failed all the same (over budget, a crash at its end).
    if (counted && !result.ok && result.failed === 0) failed += 1;
  }
  return `\n${rows.join('\n')}\n\n${passed} passed, ${failed} failed, ${skipped} skipped\n`;
}
