// ReadyBeforeRouted: a plan that gives a version more traffic names a READY owner for every partition of its lane, and
// each of them had said so before.
// Promise 5. Flow: journal and millrace.workers → [checkReady].

import { LANES, type Lane, otherLane, type RoutePlan } from '../../domain/route-plan.ts';
import type { WorkerReport } from '../../domain/worker.ts';
import type { JournalFacts, PublishedPlan } from '../journal.ts';
import { type Violation, violation } from '../violation.ts';

/**
 * @param reports every report on record, in order. The topic is compacted: a worker whose reports all came later than a
 *        plan may have said so before, and is believed.
 */
export function checkReady(journal: JournalFacts, reports: readonly WorkerReport[]): Violation[] {
  const found: Violation[] = [];
  let before: RoutePlan | null = null;
  for (const published of [...journal.plans.values()].sort((a, b) => a.plan.revision - b.plan.revision)) {
    // Where the journal begins, what came before is unknown.
    if (before !== null || journal.complete) {
      for (const lane of LANES) {
        if (grows(before, published.plan, lane)) found.push(...problems(published, { lane, reports }));
      }
    }
    before = published.plan;
  }
  return found;
}

/** Whether the plan gives the lane's version more. Traffic that goes back to the old version waits for nothing. */
function grows(before: RoutePlan | null, plan: RoutePlan, lane: Lane): boolean {
  const is = shareOf(plan, lane);
  if (before === null || before.lanes[lane]?.digest !== plan.lanes[lane]?.digest) return is > 0;
  const rival = plan.lanes[otherLane(lane)];
  const back = before.incumbent === lane || plan.revoked.some((model) => model.digest === rival?.digest);
  return !back && is > shareOf(before, lane);
}

function shareOf(plan: RoutePlan, lane: Lane): number {
  return plan.shares.find((share) => share.lane === lane)?.weightBp ?? 0;
}

function problems(
  { plan, atMs, partitions }: PublishedPlan,
  about: { readonly lane: Lane; readonly reports: readonly WorkerReport[] },
): Violation[] {
  const { lane, reports } = about;
  const model = plan.lanes[lane];
  const at = `plan ${plan.revision}`;
  const found: Violation[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const suffix = `:${lane}:${partition}`;
    const workers = plan.evidence
      .filter((receipt) => receipt.endsWith(suffix))
      .map((it) => it.slice(0, -suffix.length));
    if (workers.length === 0) {
      found.push(violation('not-ready', at, `names no READY owner of partition ${partition} of lane ${lane}`));
    }
    for (const worker of workers) {
      const own = reports.filter((report) => report.worker === worker && report.version === model?.version);
      const known = own.filter((report) => report.atMs <= atMs);
      const ready = known.some((report) => report.state === 'READY' && report.digest === model?.digest);
      if (known.length > 0 && !ready) {
        found.push(violation('not-ready', at, `${worker} had not said READY for v${model?.version}`));
      }
    }
  }
  return found;
}
