// Journal: what the controller's journal says about one endpoint, as far as audits need it.
// Flow: millrace.events, in order → [observe] → facts for the checks, and what the journal itself breaks.
// Invariants: an event is folded and let go: a number stays of each of the endpoint's plans, and the times of each abort.
//       Nothing is held against anyone for want of an event that could not be read.

import type { RolloutEvent } from '../domain/event.ts';
import type { ModelRef, RoutePlan } from '../domain/route-plan.ts';
import { ReadyBeforeRouted } from './checks/ready-before-routed.ts';
import { fingerprint } from './fingerprint.ts';
import type { Violation } from './violation.ts';
import type { WorkerWords } from './worker-words.ts';

export interface JournalFacts {
  /** Whether the journal goes back to the endpoint's definition without a gap: then a plan that it lacks was never published. */
  readonly complete: boolean;
  /** `planPrint` of each published plan, by revision. */
  readonly plans: ReadonlyMap<number, number>;
  readonly aborts: readonly Abort[];
}

/** A version that was taken back. */
export interface Abort {
  readonly model: ModelRef;
  readonly atMs: number;
  /** The first plan after it; infinity while there is none, or it could not be read. */
  readonly revision: number;
  /** Whether that plan was published before the cuts ended that are read: then none may be missing. */
  readonly cutsDue: boolean;
  /** When the same version was given traffic again; infinity while it was not. */
  readonly untilMs: number;
}

export class Journal implements JournalFacts {
  complete = false;
  readonly plans = new Map<number, number>();
  readonly aborts: (Abort & { revision: number; cutsDue: boolean; untilMs: number })[] = [];
  readonly #endpoint: string;
  readonly #ready: ReadyBeforeRouted;
  #partitions = 0;
  /** Whether the next plan is the first after the newest abort. */
  #awaitsPlan = false;

  constructor(endpoint: string, words: WorkerWords) {
    this.#endpoint = endpoint;
    this.#ready = new ReadyBeforeRouted(words);
  }

  /** @param judged whether workers' words and cuts are read at least as far as they were when this event was written */
  observe(event: RolloutEvent, judged = true): Violation[] {
    if (event.endpoint !== this.#endpoint) return [];
    if (event.type === 'endpoint-defined') {
      this.#partitions = event.settings.partitions;
      if (event.seq === 1) this.complete = true;
    }
    if (event.type === 'aborted') {
      const never = Number.POSITIVE_INFINITY;
      this.aborts.push({ model: event.candidate, atMs: event.atMs, revision: never, cutsDue: false, untilMs: never });
      this.#awaitsPlan = true;
    }
    if (event.type !== 'plan-published') return [];
    const { plan, atMs } = event;
    this.plans.set(plan.revision, planPrint(plan));
    const newest = this.aborts.at(-1);
    if (this.#awaitsPlan && newest !== undefined) {
      newest.revision = plan.revision;
      newest.cutsDue = judged;
    }
    this.#awaitsPlan = false;
    for (const abort of this.aborts) {
      if (abort.revision < plan.revision && givesTraffic(plan, abort.model))
        abort.untilMs = Math.min(abort.untilMs, atMs);
    }
    return judged ? this.#ready.observe({ plan, atMs, partitions: this.#partitions }, this.complete) : [];
  }

  /** An event that cannot be read may have been any, a plan of this endpoint too. */
  gap(atMs: number): void {
    this.complete = false;
    this.#awaitsPlan = false;
    this.#ready.forget();
    for (const abort of this.aborts) abort.untilMs = Math.min(abort.untilMs, atMs);
  }
}

/** What a cut must carry of the plan that was published. */
export function planPrint({ rollout, shares, lanes }: RoutePlan): number {
  return fingerprint(new TextEncoder().encode(JSON.stringify([rollout, shares, lanes])));
}

function givesTraffic(plan: RoutePlan, { version, digest }: ModelRef): boolean {
  return plan.shares.some(({ lane, weightBp }) => {
    const model = plan.lanes[lane];
    return weightBp > 0 && model?.version === version && model.digest === digest;
  });
}
