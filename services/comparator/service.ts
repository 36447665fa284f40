// Comparator: E.predictions, E.shadow, E.labels → E.totals, millrace.metrics, E.comparisons, for every endpoint.
// Flow: follow plans; per endpoint two groups: one keys labels, one compares.

import type { Bus } from '../../shared/bus/bus.ts';
import { decodeControl } from '../../shared/codec/control.ts';
import { type Running, serveEndpoints } from '../../shared/control/endpoints.ts';
import { openTable } from '../../shared/control/table.ts';
import type { Clock } from '../../shared/domain/clock.ts';
import { comparatorGroup, labelGroup } from '../../shared/domain/groups.ts';
import type { RoutePlan } from '../../shared/domain/route-plan.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import type { Log } from '../../shared/telemetry/logger.ts';
import { keyLabels } from './labels.ts';
import type { Limits } from './limits.ts';
import { FETCH_INTERVAL_MS } from './pace.ts';
import { comparePartition } from './partition.ts';

export interface ComparatorDeps {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Limits;
}

/** Starts comparing. Resolves once the plans stand where their topic stood. @throws TOPIC_UNKNOWN */
export async function startComparator(deps: ComparatorDeps): Promise<Running> {
  const { bus, topics, clock, log } = deps;
  const service = 'comparator';
  const plans = openTable({
    bus,
    clock,
    topic: topics.control('plans'),
    decode: (record) => decodeControl('plan', record),
    onProblem: (error) => log('control-unreadable', { service, error }),
  });
  await plans.ready;
  // Its counts are exact whatever the endpoint promises: what it reads doubled it counts as duplicates.
  const delivery = 'exactly-once';
  const serve = async ({ endpoint }: RoutePlan): Promise<Running> => {
    const onError = (error: unknown, partition: number) =>
      log('partition-failed', { service, endpoint, partition, error });
    const labels = await bus.consume({
      group: labelGroup(topics.prefix, endpoint),
      topic: topics.endpoint(endpoint, 'labels'),
      delivery,
      fetchIntervalMs: FETCH_INTERVAL_MS,
      onPartition: (owned) => keyLabels({ ...deps, endpoint }, owned),
      onError,
    });
    try {
      const answers = await bus.consume({
        group: comparatorGroup(topics.prefix, endpoint),
        topic: topics.endpoint(endpoint, 'predictions'),
        delivery,
        onPartition: (owned) => comparePartition({ ...deps, endpoint, plans }, owned),
        onError,
        onAssigned: (partitions) => log('partitions-assigned', { service, endpoint, partitions }),
      });
      return { stop: async () => void (await Promise.all([answers.stop(), labels.stop()])) };
    } catch (error) {
      await labels.stop();
      throw error;
    }
  };
  const onProblem = (endpoint: string, error: unknown) => log('endpoint-failed', { service, endpoint, error });
  const endpoints = serveEndpoints({ plans, clock, serve, onProblem });
  return {
    stop: async () => {
      await endpoints.stop();
      await plans.stop();
    },
  };
}
