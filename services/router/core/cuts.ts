// Cuts: when a partition takes a new plan, and which cuts nobody needs any more.
// Invariant: a cut never names a revision below the last one, nor an offset before the position.

import { type Cut, lastPlan } from '../../../shared/domain/cut.ts';
import type { RoutePlan } from '../../../shared/domain/route-plan.ts';

/**
 * The cut that is due before the record at `position` is routed, or null.
 * A plan that routes nothing (an endpoint's first, until its version is READY) makes no cut.
 */
export function dueCut(
  cuts: readonly Cut[],
  plan: RoutePlan | undefined,
  at: { readonly partition: number; readonly position: number; readonly nowMs: number },
): Cut | null {
  if (plan === undefined || plan.shares.length === 0) return null;
  const last = lastPlan(cuts);
  if (last !== null && plan.revision <= last.revision) return null;
  return { partition: at.partition, offset: at.position, plan, atMs: at.nowMs };
}

/** Cuts that govern no retained request: a newer cut begins at or before `earliest`. */
export function obsoleteCuts(cuts: readonly Cut[], earliest: number): readonly Cut[] {
  return cuts.filter((_, index) => {
    const next = cuts[index + 1];
    return next !== undefined && next.offset <= earliest;
  });
}
