// Cut: from this source offset on, this plan applies to this partition. It carries the whole plan.
// Flow: the router writes cuts in the transaction of the outputs they govern; router, explain and audit read them back.
// Invariant: sorted by revision, offsets never fall; routing is a pure function of (cuts, partition, offset, key).

import { z } from 'zod';
import { MillraceError } from './errors.ts';
import { type RoutePlan, routePlanSchema } from './route-plan.ts';

export const cutSchema = z.strictObject({
  partition: z.int().min(0),
  /** First source offset that the plan governs. */
  offset: z.int().min(0),
  plan: routePlanSchema,
  /** When the router decided it, milliseconds since the epoch. */
  atMs: z.int().min(0),
});
export type Cut = Readonly<z.infer<typeof cutSchema>>;

/** The cut that governs `offset`: the newest whose offset is not past it; null before the first. */
export function cutAt(cuts: readonly Cut[], offset: number): Cut | null {
  let low = 0;
  let high = cuts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const cut = cuts[middle];
    if (cut !== undefined && cut.offset <= offset) low = middle + 1;
    else high = middle;
  }
  return cuts[low - 1] ?? null;
}

/**
 * Adds a cut, in revision order. A revision that is already there (a compacted topic read twice) is replaced.
 * @throws CUT_ORDER when the cut would make offsets fall as revisions grow: two owners wrote at once.
 */
export function addCut(cuts: readonly Cut[], cut: Cut): readonly Cut[] {
  const others = cuts.filter((known) => known.plan.revision !== cut.plan.revision);
  const place = others.findIndex((known) => known.plan.revision > cut.plan.revision);
  const index = place === -1 ? others.length : place;
  const before = others[index - 1];
  const after = others[index];
  if ((before !== undefined && before.offset > cut.offset) || (after !== undefined && after.offset < cut.offset)) {
    throw new MillraceError('CUT_ORDER', {
      partition: cut.partition,
      revision: cut.plan.revision,
      offset: cut.offset,
    });
  }
  return [...others.slice(0, index), cut, ...others.slice(index)];
}

/**
 * Cuts on record as their reader goes by them: in revision order, offsets never falling, whatever is on record. Of one
 * revision the last counts. Two owners at once (possible with at-least-once, where nobody is fenced) may contradict one
 * another: then a cut begins where the older one does. `onMoved` is told of each that does.
 * @param recorded in the order of the topic
 */
export function orderedCuts(recorded: Iterable<Cut>, onMoved: (cut: Cut) => void = () => {}): readonly Cut[] {
  let least = 0;
  const byRevision = new Map([...recorded].map((cut) => [cut.plan.revision, cut]));
  return [...byRevision.values()]
    .sort((a, b) => a.plan.revision - b.plan.revision)
    .map((cut) => {
      if (cut.offset < least) onMoved(cut);
      least = Math.max(least, cut.offset);
      return cut.offset < least ? { ...cut, offset: least } : cut;
    });
}

/** The newest plan on record for a partition. */
export function lastPlan(cuts: readonly Cut[]): RoutePlan | null {
  return cuts[cuts.length - 1]?.plan ?? null;
}
