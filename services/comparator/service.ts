// Comparator: E.predictions, E.shadow, E.labels → E.totals, millrace.metrics, E.comparisons, for every endpoint.
// Flow: follow plans; per endpoint two groups: one keys labels, one compares.

import type { Running } from '../../shared/control/endpoints.ts';
import { servePlans } from '../../shared/control/serve-plans.ts';
import { comparatorGroup, labelGroup } from '../../shared/domain/groups.ts';
import { keyLabels } from './labels.ts';
import { FETCH_INTERVAL_MS } from './pace.ts';
import { type ComparePartitionDeps, comparePartition } from './partition.ts';

export type ComparatorDeps = Omit<ComparePartitionDeps, 'endpoint' | 'plans'>;

/** Starts comparing. Resolves once the plans stand where their topic stood. @throws TOPIC_UNKNOWN */
export function startComparator(deps: ComparatorDeps): Promise<Running> {
  return servePlans({
    ...deps,
    service: 'comparator',
    serve: ({ endpoint }, plans) => compareEndpoint({ ...deps, endpoint, plans }),
  });
}

async function compareEndpoint(deps: ComparePartitionDeps): Promise<Running> {
  const { bus, topics, log, endpoint } = deps;
  const service = 'comparator';
  // Its counts are exact whatever the endpoint promises: what it reads doubled it counts as duplicates.
  const delivery = 'exactly-once';
  const onError = (error: unknown, partition: number) =>
    log('partition-failed', { service, endpoint, partition, error });
  const labels = await bus.consume({
    group: labelGroup(topics.prefix, endpoint),
    topic: topics.endpoint(endpoint, 'labels'),
    delivery,
    fetchIntervalMs: FETCH_INTERVAL_MS,
    onPartition: (owned) => keyLabels(deps, owned),
    onError,
  });
  try {
    const answers = await bus.consume({
      group: comparatorGroup(topics.prefix, endpoint),
      topic: topics.endpoint(endpoint, 'predictions'),
      delivery,
      onPartition: (owned) => comparePartition(deps, owned),
      onError,
      onAssigned: (partitions) => log('partitions-assigned', { service, endpoint, partitions }),
    });
    return { stop: async () => void (await Promise.all([answers.stop(), labels.stop()])) };
  } catch (error) {
    await labels.stop();
    throw error;
  }
}
