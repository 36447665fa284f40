// Endpoints: keeps one running service per endpoint that has a plan; endpoints come and go at run time.
// Flow: millrace.plans → [serve each endpoint] → router, scorer. Plans are the only control that the data plane reads.
// Invariant: an endpoint is served by at most one instance here, with the delivery of its plan; a start that fails is tried
//            again, never forgotten.

import { aborted, type Clock, sleepUnless } from '../domain/clock.ts';
import type { Delivery, RoutePlan } from '../domain/route-plan.ts';
import type { Table } from './table.ts';

/** Pause before an endpoint that could not be started is tried again. */
const START_RETRY_MS = 1_000;

export interface Running {
  stop(): Promise<void>;
}

interface Served {
  readonly delivery: Delivery;
  readonly gone: AbortController;
  readonly done: Promise<void>;
}

export interface EndpointsOptions {
  readonly plans: Table<RoutePlan>;
  readonly clock: Clock;
  /** Starts serving; `plan` is the newest one at that moment. */
  readonly serve: (plan: RoutePlan) => Promise<Running>;
  readonly onProblem: (endpoint: string, error: unknown) => void;
}

/** Serves every endpoint until stopped. */
export function serveEndpoints(options: EndpointsOptions): Running {
  const { plans, clock } = options;
  const ended = new AbortController();
  const running = new Map<string, Served>();

  async function serveOne(endpoint: string, gone: AbortSignal): Promise<void> {
    while (!gone.aborted) {
      const plan = plans.get(endpoint);
      if (plan === undefined) return;
      try {
        const served = await options.serve(plan);
        await aborted(gone);
        await served.stop();
      } catch (error) {
        options.onProblem(endpoint, error);
        await sleepUnless(clock, START_RETRY_MS, gone);
      }
    }
  }

  async function follow(): Promise<void> {
    while (!ended.signal.aborted) {
      const { changed } = plans;
      for (const [endpoint, one] of running) {
        // An endpoint that was removed and defined again in one step may have another delivery.
        if (plans.get(endpoint)?.delivery === one.delivery) continue;
        one.gone.abort();
        await one.done;
        running.delete(endpoint);
      }
      for (const [endpoint, { delivery }] of plans.entries()) {
        if (running.has(endpoint)) continue;
        const gone = new AbortController();
        running.set(endpoint, { delivery, gone, done: serveOne(endpoint, gone.signal) });
      }
      await aborted(changed, ended.signal);
    }
  }

  const following = follow();
  return {
    stop: async () => {
      ended.abort();
      await following;
      for (const { gone } of running.values()) gone.abort();
      await Promise.all([...running.values()].map(({ done }) => done));
    },
  };
}
