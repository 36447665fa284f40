// ReplayTerms: what a replay takes from the comparisons on record.

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
