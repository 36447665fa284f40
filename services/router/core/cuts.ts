// Cuts: when a partition takes a new plan, and which cuts nobody needs any more.
// Invariant: a cut never names a revision below the last one, nor an offset before the position.

import type { Cut } from '../../../shared/domain/cut.ts';
import type { RoutePlan } from '../../../shared/domain/route-plan.ts';

/** Whether a plan routes anything: not before its first version is READY, nor once its endpoint is removed. */
export function routes(plan: RoutePlan | undefined): plan is RoutePlan {
  return plan !== undefined && plan.shares.length > 0;
}

/**
 * The cut that is due before the record at `position` is routed, or null.
 * A plan that routes nothing makes no cut. Where the group was set back behind the last cut, a newer plan begins at that
 * cut; where the cut that governed the position is gone from the record, the first that is left begins there.
 */
export function dueCut(
  cuts: readonly Cut[],
  plan: RoutePlan | undefined,
  at: { readonly partition: number; readonly position: number; readonly nowMs: number },
): Cut | null {
  if (!routes(plan)) return null;
  const { partition, position, nowMs: atMs } = at;
  const [first, last] = [cuts[0], cuts.at(-1)];
  if (first !== undefined && first.offset > position) return { ...first, offset: position, atMs };
  if (last !== undefined && plan.revision <= last.plan.revision) return null;
  return { partition, offset: Math.max(position, last?.offset ?? 0), plan, atMs };
}

/** Cuts that govern no retained request: a newer cut begins at or before `earliest`. */
export function obsoleteCuts(cuts: readonly Cut[], earliest: number): readonly Cut[] {
  return cuts.filter((_, index) => {
    const next = cuts[index + 1];
    return next !== undefined && next.offset <= earliest;
  });
}
