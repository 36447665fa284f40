// Router: E.requests → E.lane.blue | E.lane.green, for every endpoint that has a plan.
// Flow: follow plans; per endpoint one consumer group; per owned partition `routePartition`.
// Invariant: routing is decided by cuts on record, never by when a plan happened to arrive.

import type { Bus } from '../../shared/bus/bus.ts';
import { decodeControl } from '../../shared/codec/control.ts';
import { type Running, serveEndpoints } from '../../shared/control/endpoints.ts';
import { openTable } from '../../shared/control/table.ts';
import type { Clock } from '../../shared/domain/clock.ts';
import { routerGroup } from '../../shared/domain/groups.ts';
import type { RoutePlan } from '../../shared/domain/route-plan.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import type { Log } from '../../shared/telemetry/logger.ts';
import { routePartition } from './partition.ts';

export interface RouterDeps {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly log: Log;
}

/** Starts routing. Resolves once the plans stand where their topic stood. @throws TOPIC_UNKNOWN */
export async function startRouter(deps: RouterDeps): Promise<Running> {
  const { bus, topics, clock, log } = deps;
  const plans = openTable({
    bus,
    clock,
    topic: topics.control('plans'),
    decode: (record) => decodeControl('plan', record),
    onProblem: (error) => log('control-unreadable', { service: 'router', error }),
  });
  await plans.ready;

  const serve = ({ endpoint, delivery }: RoutePlan): Promise<Running> =>
    bus.consume({
      group: routerGroup(topics.prefix, endpoint),
      topic: topics.endpoint(endpoint, 'requests'),
      delivery,
      onPartition: (owned) => routePartition({ ...deps, endpoint, delivery, plans }, owned),
      onError: (error, partition) => log('partition-failed', { service: 'router', endpoint, partition, error }),
      onAssigned: (partitions) => log('partitions-assigned', { service: 'router', endpoint, partitions }),
    });
  const onProblem = (endpoint: string, error: unknown) =>
    log('endpoint-failed', { service: 'router', endpoint, error });
  const endpoints = serveEndpoints({ plans, clock, serve, onProblem });
  return {
    stop: async () => {
      await endpoints.stop();
      await plans.stop();
    },
  };
}
