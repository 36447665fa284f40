// RoutedAsPlanned: each request went to the lane that its cut's plan gives its bucket, once; and cuts carry the plans that the
// controller published. So no version gets more than its weight.
// Promises 2, 9.

import type { Cut } from '../../domain/cut.ts';
import { type JournalFacts, planPrint } from '../journal.ts';
import type { Trail } from '../trail.ts';
import { type Violation, violation } from '../violation.ts';

/** @param atLeastOnce the endpoint's delivery lets a request be routed again */
export function checkRouted({ source, request, hops }: Trail, atLeastOnce: boolean): Violation[] {
  if (request === null) return [];
  const routed = hops.filter((hop) => hop.rescuedFrom === null);
  const found: Violation[] = [];
  if (routed.length > 1 && !atLeastOnce) {
    found.push(violation('misrouted', source, `routed ${routed.length} times`));
  }
  const { decision } = request;
  for (const hop of routed) {
    if (decision === null) {
      found.push(violation('misrouted', source, `routed to ${hop.lane} where no plan routes`));
      continue;
    }
    const { lane, model, plan, bucket } = decision;
    const right =
      hop.lane === lane && hop.version === model.version && hop.digest === model.digest && hop.plan === plan.revision;
    if (right && hop.bucket === bucket) continue;
    const names = `${lane} v${model.version} by plan ${plan.revision}, bucket ${bucket}`;
    const is = `${hop.lane} v${hop.version} by plan ${hop.plan}, bucket ${hop.bucket}`;
    found.push(violation('misrouted', source, `routed to ${is}; the cuts say ${names}`));
  }
  return found;
}

/** A cut of `partition` against the one before it in the topic, and against the journal. */
export function checkCut(
  partition: number,
  { plan, offset }: Cut,
  { before, journal }: { readonly before: Cut | null; readonly journal: JournalFacts },
): Violation[] {
  const found: Violation[] = [];
  const at = `cut ${plan.revision} of partition ${partition}`;
  if (before !== null && (plan.revision < before.plan.revision || offset < before.offset)) {
    const detail = `from ${offset} on, after cut ${before.plan.revision} from ${before.offset} on`;
    found.push(violation('misrouted', at, detail));
  }
  const published = journal.plans.get(plan.revision);
  if (published === undefined) {
    // A journal that begins later than the cut cannot say.
    if (journal.complete) found.push(violation('misrouted', at, 'no event published this plan'));
  } else if (published !== planPrint(plan)) {
    found.push(violation('misrouted', at, 'its plan is not the one that was published'));
  }
  return found;
}
