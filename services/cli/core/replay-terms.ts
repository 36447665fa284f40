// ReplayTerms: what a replay takes from the comparisons on record, and what it says of its progress.

import type { PlanShadow } from '../../../shared/domain/shadow.ts';

/**
 * What outputs of `candidate` are held to: as in its newest run, else in the newest of any shadow, so that replay and shadow agree.
 * @param runs the one that was written last first
 */
export function tolerancesOnRecord(
  runs: readonly { readonly report: { readonly run: string }; readonly tolerances: PlanShadow['tolerances'] }[],
  candidate: number,
): PlanShadow['tolerances'] {
  const ofShadows = runs.filter(({ report }) => report.run.includes('/'));
  const own = ofShadows.find(({ report }) => report.run.endsWith(`/${candidate}`));
  return (own ?? ofShadows[0])?.tolerances ?? [];
}

/** How far a replay is, with an estimate once there is anything to estimate from. @param elapsedMs since it began, > 0 */
export function progressText({ done, total, elapsedMs }: Record<'done' | 'total' | 'elapsedMs', number>): string {
  const far = `${done} of ${total} requests`;
  if (done === 0) return far;
  const perSecond = (done * 1_000) / elapsedMs;
  return `${far}, ${Math.round(perSecond)}/s, ${Math.ceil((total - done) / perSecond)} s to go`;
}
