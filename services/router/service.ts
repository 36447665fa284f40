// Router: E.requests → E.lane.blue | E.lane.green, for every endpoint that has a plan.
// Flow: follow plans; per endpoint one consumer group; per owned partition `routePartition`.
// Invariant: routing is decided by cuts on record, never by when a plan happened to arrive.

import type { Bus } from '../../shared/bus/bus.ts';
import type { Running } from '../../shared/control/endpoints.ts';
import { servePlans } from '../../shared/control/serve-plans.ts';
import type { Clock } from '../../shared/domain/clock.ts';
import { routerGroup } from '../../shared/domain/groups.ts';
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
export function startRouter(deps: RouterDeps): Promise<Running> {
  const { bus, topics, log } = deps;
  return servePlans({
    ...deps,
    service: 'router',
    serve: ({ endpoint, delivery }, plans) =>
      bus.consume({
        group: routerGroup(topics.prefix, endpoint),
        topic: topics.endpoint(endpoint, 'requests'),
        delivery,
        onPartition: (owned) => routePartition({ ...deps, endpoint, delivery, plans }, owned),
        onError: (error, partition) => log('partition-failed', { service: 'router', endpoint, partition, error }),
        onAssigned: (partitions) => log('partitions-assigned', { service: 'router', endpoint, partitions }),
      }),
  });
}
