// ReadyBeforeRouted: a plan that gives a version more traffic names a READY owner for every partition of its lane, and
// each of them had said so before.
// Promise 5. Flow: millrace.workers → WorkerWords; then plans of the journal, in order → [observe].
// Invariant: keeps the plan before, not those before that.

import { LANES, type Lane, otherLane, type RoutePlan } from '../../domain/route-plan.ts';
import { type Violation, violation } from '../violation.ts';
import type { WorkerWords } from '../worker-words.ts';

/** A plan as the journal tells it. */
export interface PublishedPlan {
  readonly plan: RoutePlan;
  readonly atMs: number;
  /** Of the endpoint at that time; 0 while the journal has not said. */
  readonly partitions: number;
}

export class ReadyBeforeRouted {
  readonly #words: WorkerWords;
  #before: RoutePlan | null = null;

  constructor(words: WorkerWords) {
    this.#words = words;
  }

  /** @param isFirst nothing was published before this plan; otherwise what came before the first one is unknown */
  observe(published: PublishedPlan, isFirst: boolean): Violation[] {
    const before = this.#before;
    this.#before = published.plan;
    if (before === null && !isFirst) return [];
    return LANES.filter((lane) => grows(before, published.plan, lane)).flatMap((lane) =>
      problems(published, lane, this.#words),
    );
  }

  /** Something is missing in the journal here: the next plan has none before it. */
  forget(): void {
    this.#before = null;
  }
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

function problems({ plan, atMs, partitions }: PublishedPlan, lane: Lane, words: WorkerWords): Violation[] {
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
      if (model !== null && words.wasReady(worker, model, atMs) !== false) continue;
      found.push(violation('not-ready', at, `${worker} had not said READY for v${model?.version}`));
    }
  }
  return found;
}
