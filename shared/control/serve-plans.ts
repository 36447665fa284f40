// ServePlans: a service of the data plane: millrace.plans as a table, and whatever serves each endpoint in it.
// Flow: millrace.plans → [table → serve each endpoint] → router, scorer, shadow, comparator.
// Invariant: nothing is served before the plans stand where their topic stood; what serves ends before they do.

import type { Bus } from '../bus/bus.ts';
import { decodeControl } from '../codec/control.ts';
import type { Clock } from '../domain/clock.ts';
import type { RoutePlan } from '../domain/route-plan.ts';
import type { Topics } from '../domain/topics.ts';
import type { Log } from '../telemetry/logger.ts';
import { type Running, serveEndpoints } from './endpoints.ts';
import { openTable, type Table } from './table.ts';

export interface ServePlansOptions {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly log: Log;
  /** Its name in the log. */
  readonly service: string;
  /** Starts serving the endpoint of `plan`, the newest one of `plans` at that moment. */
  readonly serve: (plan: RoutePlan, plans: Table<RoutePlan>) => Promise<Running>;
}

/** Serves every endpoint that has a plan until stopped. @throws TOPIC_UNKNOWN */
export async function servePlans({ bus, topics, clock, log, service, serve }: ServePlansOptions): Promise<Running> {
  const plans = openTable({
    bus,
    clock,
    topic: topics.control('plans'),
    decode: (record) => decodeControl('plan', record),
    onProblem: (error) => log('control-unreadable', { service, error }),
  });
  await plans.ready;
  const endpoints = serveEndpoints({
    plans,
    clock,
    serve: (plan) => serve(plan, plans),
    onProblem: (endpoint, error) => log('endpoint-failed', { service, endpoint, error }),
  });
  return {
    stop: async () => {
      await endpoints.stop();
      await plans.stop();
    },
  };
}
