// RollbackBound: after an abort all cuts land within a bound, and the version that was taken back falls silent within another.
// Promise 6. Flow: journal, cuts and answers → [checkRollbackCuts, checkRollbackAnswer].

import type { Cut } from '../../domain/cut.ts';
import type { Source } from '../../domain/record.ts';
import type { Abort, JournalFacts } from '../journal.ts';
import type { Answer } from '../trail.ts';
import { type Violation, violation } from '../violation.ts';

export interface RollbackBounds {
  /** Longest time from the abort to a partition's cut, ms. */
  readonly cutMs: number;
  /** Longest time from the abort to the last answer of the version that was taken back, ms. */
  readonly answerMs: number;
}

/** Guarantee 6 while every partition has an owner. */
export const ROLLBACK_BOUNDS: RollbackBounds = { cutMs: 1_000, answerMs: 2_000 };

/** Time from an abort to the cut of one partition, ms; null while there is no cut, `gone` when it was buried since. */
export function rollbackCutMs(cuts: readonly Cut[], abort: Abort): number | null | 'gone' {
  const [first] = cuts;
  if (first !== undefined && first.plan.revision > abort.revision) return 'gone';
  const cut = cuts.find(({ plan }) => plan.revision >= abort.revision);
  return cut === undefined ? null : Math.max(0, cut.atMs - abort.atMs);
}

export function checkRollbackCuts(
  partition: number,
  cuts: readonly Cut[],
  about: { readonly journal: JournalFacts; readonly bounds: RollbackBounds; readonly nowMs: number },
): Violation[] {
  const { journal, bounds, nowMs } = about;
  return journal.aborts.flatMap((abort) => {
    if (!Number.isFinite(abort.revision)) return [];
    const at = `abort of v${abort.model.version}, partition ${partition}`;
    const ms = rollbackCutMs(cuts, abort);
    if (ms === null) return nowMs - abort.atMs > bounds.cutMs ? [violation('rollback', at, 'there is no cut')] : [];
    return ms !== 'gone' && ms > bounds.cutMs ? [violation('rollback', at, `its cut came after ${ms} ms`)] : [];
  });
}

/** How long after an abort of its version an answer came, ms; 0 when it was not taken back. */
export function lateMs(answer: Answer, journal: JournalFacts): number {
  const late = journal.aborts
    .filter(({ model, untilMs }) => model.digest === answer.digest && answer.atMs < untilMs)
    .map(({ atMs }) => answer.atMs - atMs);
  return Math.max(0, ...late);
}

export function checkRollbackAnswer(
  source: Source,
  answer: Answer,
  about: { readonly journal: JournalFacts; readonly bounds: RollbackBounds },
): Violation[] {
  if (answer.error !== null) return [];
  const ms = lateMs(answer, about.journal);
  if (ms <= about.bounds.answerMs) return [];
  return [violation('rollback', source, `v${answer.version} answered ${ms} ms after it was taken back`)];
}
