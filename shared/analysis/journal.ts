// JournalFacts: what the controller's journal says about one endpoint, as far as audits need it.
// Flow: millrace.events, in order → [foldJournal] → checks.

import type { RolloutEvent } from '../domain/event.ts';
import type { ModelRef, RoutePlan } from '../domain/route-plan.ts';

export interface JournalFacts {
  /** Whether the journal goes back to the endpoint's definition: then a plan that it lacks was never published. */
  readonly complete: boolean;
  readonly plans: ReadonlyMap<number, PublishedPlan>;
  readonly aborts: readonly Abort[];
}

export interface PublishedPlan {
  readonly plan: RoutePlan;
  readonly atMs: number;
  /** Of the endpoint at that time; 0 while the journal has not said. */
  readonly partitions: number;
}

/** A version that was taken back. */
export interface Abort {
  readonly model: ModelRef;
  readonly atMs: number;
  /** The first plan after it. */
  readonly revision: number;
  /** When the same version was given traffic again; infinity while it was not. */
  readonly untilMs: number;
}

interface Fold {
  complete: boolean;
  partitions: number;
  readonly plans: Map<number, PublishedPlan>;
  readonly aborts: (Abort & { revision: number; untilMs: number })[];
}

/** Facts of `endpoint` from its events, in order. */
export function journalFacts(endpoint: string, events: Iterable<RolloutEvent>): JournalFacts {
  const facts: Fold = { complete: false, partitions: 0, plans: new Map(), aborts: [] };
  for (const event of events) if (event.endpoint === endpoint) fold(facts, event);
  return facts;
}

function fold(facts: Fold, event: RolloutEvent): void {
  if (event.type === 'endpoint-defined') {
    facts.partitions = event.settings.partitions;
    if (event.seq === 1) facts.complete = true;
  }
  if (event.type === 'aborted') {
    const { candidate, atMs } = event;
    facts.aborts.push({
      model: candidate,
      atMs,
      revision: Number.POSITIVE_INFINITY,
      untilMs: Number.POSITIVE_INFINITY,
    });
  }
  if (event.type !== 'plan-published') return;
  const { plan, atMs } = event;
  facts.plans.set(plan.revision, { plan, atMs, partitions: facts.partitions });
  const newest = facts.aborts.at(-1);
  if (newest !== undefined && newest.revision > plan.revision) newest.revision = plan.revision;
  for (const abort of facts.aborts) {
    if (abort.revision < plan.revision && givesTraffic(plan, abort.model))
      abort.untilMs = Math.min(abort.untilMs, atMs);
  }
}

function givesTraffic(plan: RoutePlan, { version, digest }: ModelRef): boolean {
  return plan.shares.some(({ lane, weightBp }) => {
    const model = plan.lanes[lane];
    return weightBp > 0 && model?.version === version && model.digest === digest;
  });
}
