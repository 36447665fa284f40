// Admin: topics and offsets, as the port's `BusAdmin`.
// Invariant: creating is idempotent; a topic is usable when `createTopics` returns.

import { errorText, MillraceError } from '../../domain/errors.ts';
import { transactionalIdOf } from '../../domain/groups.ts';
import type { TopicSpec } from '../../domain/topics.ts';
import type { BusAdmin, PartitionOffsets } from '../bus.ts';
import { backoffMs } from './backoff.ts';
import { asRefusal, brokerCode, CODE, type RequestPlace } from './broker-errors.ts';
import type { ClusterView } from './cluster-view.ts';
import { committedOffsets } from './committed-offsets.ts';
import type { Connections } from './connections.ts';
import { listOffsetsUntilKnown } from './list-offsets.ts';
import { initProducer } from './transaction.ts';

const REQUEST_TIMEOUT_MS = 15_000;
/** How long a created topic may take until every partition has a leader. */
const LEADERS_WAIT_MS = 15_000;
/** How long a look at offsets may take. */
const OFFSETS_WAIT_MS = 30_000;
/** Copies of a topic, where there are as many brokers. */
const REPLICAS_MAX = 3;

export function kafkaAdmin(view: ClusterView, closing: AbortSignal): BusAdmin {
  return {
    createTopics: (specs) => createTopics(view, specs),
    addPartitions: async (specs) => {
      for (const spec of specs) await addPartitions(view, spec);
    },
    fence: (of) =>
      withConnections(view, async (connections) => {
        const scope = { view, connections, transactionalId: transactionalIdOf(of) };
        if ((await initProducer(scope, within(closing))) === null) throw unanswered(view);
      }),
    partitions: (topic) => view.partitionCount(topic),
    topics: () => view.allTopics(),
    offsets: (topic, partitions) =>
      withConnections(view, (connections) => offsets({ view, connections, topic }, partitions ?? null, closing)),
    committed: (group, topic) =>
      withConnections(view, async (connections) => {
        const partitions = await partitionsOf(view, topic);
        const found = await committedOffsets({ view, connections, group, topic }, partitions, within(closing));
        if (found === null) throw unanswered(view);
        return partitions.map((partition) => found.get(partition) ?? -1);
      }),
  };
}

async function createTopics(view: ClusterView, specs: readonly TopicSpec[]): Promise<void> {
  const missing: TopicSpec[] = [];
  for (const spec of specs) if ((await checkCount(view, spec)) === null) missing.push(spec);
  if (missing.length === 0) return;
  await view.refresh();
  const { broker } = await view.controller();
  const replicationFactor = Math.min(Math.max(view.brokerCount, 1), REPLICAS_MAX);
  try {
    await broker.createTopics({
      topics: missing.map(({ name, partitions, config, replicas }) => ({
        topic: name,
        numPartitions: partitions,
        replicationFactor: replicas ?? replicationFactor,
        configEntries: Object.entries(config).map(([key, value]) => ({ name: key, value })),
      })),
      timeout: REQUEST_TIMEOUT_MS,
    });
  } catch (error) {
    if (!onlyExisted(error)) throw asRefusal(firstOf(error), 'CreateTopics', topicOf(firstOf(error)));
  }
  for (const spec of missing) await awaitLeaders(view, spec);
}

async function addPartitions(view: ClusterView, spec: TopicSpec): Promise<void> {
  const { name: topic, partitions: count } = spec;
  const actual = await view.partitionCount(topic);
  if (actual === null) throw new MillraceError('TOPIC_UNKNOWN', { topic });
  if (actual > count) throw new MillraceError('TOPIC_MISMATCH', { topic, actual, expected: count });
  if (actual === count) return;
  const { broker } = await view.controller();
  try {
    await broker.createPartitions({ topicPartitions: [{ topic, count }], timeout: REQUEST_TIMEOUT_MS });
  } catch (error) {
    // Somebody else may have added them at the same time.
    if (brokerCode(error) !== CODE.INVALID_PARTITIONS) throw asRefusal(error, 'CreatePartitions', { topic });
  }
  await awaitLeaders(view, spec);
}

/** @returns the partition count, or null when there is no such topic @throws TOPIC_MISMATCH */
async function checkCount(view: ClusterView, { name, partitions }: TopicSpec): Promise<number | null> {
  const actual = await view.partitionCount(name);
  if (actual !== null && actual !== partitions) {
    throw new MillraceError('TOPIC_MISMATCH', { topic: name, actual, expected: partitions });
  }
  return actual;
}

async function awaitLeaders(view: ClusterView, spec: TopicSpec): Promise<void> {
  const { clock } = view.settings;
  const untilMs = clock.nowMs() + LEADERS_WAIT_MS;
  for (let failures = 1; ; failures++) {
    // The broker that is asked may not have heard of the topic, or of all its partitions, yet.
    const actual = (await view.partitionCount(spec.name)) ?? 0;
    if (actual > spec.partitions) await checkCount(view, spec);
    if (actual === spec.partitions) {
      await view.track(spec.name);
      await view.refresh();
      const leaders = Array.from({ length: spec.partitions }, (_, partition) => view.leader(spec.name, partition));
      if (leaders.every((leader) => leader !== null)) return;
    }
    if (clock.nowMs() >= untilMs) {
      await checkCount(view, spec);
      throw new MillraceError('TOPIC_UNKNOWN', { topic: spec.name });
    }
    await clock.sleep(backoffMs(failures));
  }
}

/** Somebody else created the same topics at the same time. kafkajs gathers the errors of all topics. */
function onlyExisted(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('errors' in error) || !Array.isArray(error.errors)) return false;
  return error.errors.every((entry: { readonly code?: unknown }) => entry.code === CODE.TOPIC_ALREADY_EXISTS);
}

function firstOf(error: unknown): unknown {
  if (typeof error !== 'object' || error === null || !('errors' in error) || !Array.isArray(error.errors)) return error;
  return error.errors.find((entry: { readonly code?: unknown }) => entry.code !== CODE.TOPIC_ALREADY_EXISTS) ?? error;
}

/** Where kafkajs says which topic an error is of. */
function topicOf(error: unknown): RequestPlace {
  const named = typeof error === 'object' && error !== null && 'topic' in error && typeof error.topic === 'string';
  return named ? { topic: String(error.topic) } : {};
}

async function offsets(
  scope: { readonly view: ClusterView; readonly connections: Connections; readonly topic: string },
  wanted: readonly number[] | null,
  closing: AbortSignal,
): Promise<readonly PartitionOffsets[]> {
  const all = await partitionsOf(scope.view, scope.topic);
  const partitions = wanted ?? all;
  const unknown = partitions.find((partition) => !all.includes(partition));
  if (unknown !== undefined) throw new MillraceError('TOPIC_UNKNOWN', { topic: `${scope.topic}-${unknown}` });
  const earliest = await listOffsetsUntilKnown(scope, { partitions, spec: 'earliest' }, within(closing));
  const end = await listOffsetsUntilKnown(scope, { partitions, spec: 'end' }, within(closing));
  if (earliest === null || end === null) throw unanswered(scope.view);
  return partitions.map((partition) => ({
    partition,
    earliest: earliest.get(partition) ?? 0,
    end: end.get(partition) ?? 0,
  }));
}

/** @throws TOPIC_UNKNOWN */
async function partitionsOf(view: ClusterView, topic: string): Promise<number[]> {
  await view.track(topic);
  await view.refresh();
  return Array.from({ length: view.partitionsSeen(topic) }, (_, partition) => partition);
}

async function withConnections<T>(view: ClusterView, use: (connections: Connections) => Promise<T>): Promise<T> {
  const connections = view.open(REQUEST_TIMEOUT_MS);
  try {
    return await use(connections);
  } finally {
    connections.close();
  }
}

function within(closing: AbortSignal): AbortSignal {
  return AbortSignal.any([closing, AbortSignal.timeout(OFFSETS_WAIT_MS)]);
}

function unanswered(view: ClusterView): MillraceError {
  const detail = errorText('no answer within the time limit');
  return new MillraceError('BROKER_UNREACHABLE', { brokers: view.settings.brokers.join(','), detail });
}
