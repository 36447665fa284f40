// RollbackBound: after an abort all cuts land within a bound, and the version that was taken back falls silent within another.
// Promise 6. Flow: journal, cuts and answers → [checkRollbackCuts, checkMissingCuts, checkRollbackAnswer].

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

/** An abort whose cut has come, and how long it took, ms. */
export interface RollbackCut {
  readonly abort: Abort;
  readonly ms: number;
}

/**
 * Aborts that this cut is the first of its partition to carry out.
 * @param about `newest`: greatest revision of the partition's cuts before it; null for the first on record, behind which
 *        cuts of older aborts may have been buried
 */
export function rollbacksBy(
  { plan: { revision }, atMs }: Cut,
  { newest, aborts }: { readonly newest: number | null; readonly aborts: readonly Abort[] },
): RollbackCut[] {
  const least = newest ?? revision - 1;
  return aborts
    .filter((abort) => abort.revision > least && abort.revision <= revision)
    .map((abort) => ({ abort, ms: Math.max(0, atMs - abort.atMs) }));
}

export function checkRollbackCuts(
  partition: number,
  rollbacks: readonly RollbackCut[],
  { cutMs }: RollbackBounds,
): Violation[] {
  return rollbacks
    .filter(({ ms }) => ms > cutMs)
    .map(({ abort, ms }) => violation('rollback', placeOf(abort, partition), `its cut came after ${ms} ms`));
}

/** @param newest greatest revision of all of the partition's cuts; null when it has none */
export function checkMissingCuts(
  partition: number,
  newest: number | null,
  about: { readonly journal: JournalFacts; readonly bounds: RollbackBounds; readonly nowMs: number },
): Violation[] {
  const { journal, bounds, nowMs } = about;
  return journal.aborts
    .filter(({ revision, cutsDue, atMs }) => cutsDue && revision > (newest ?? 0) && nowMs - atMs > bounds.cutMs)
    .map((abort) => violation('rollback', placeOf(abort, partition), 'there is no cut'));
}

function placeOf({ model }: Abort, partition: number): string {
  return `abort of v${model.version}, partition ${partition}`;
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
