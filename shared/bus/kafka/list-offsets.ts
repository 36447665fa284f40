// List offsets: where partitions begin and end, and where a time begins.
// Flow: admin, readers, and an owner whose committed offset is missing or gone.

import type { ReadFrom, ReadOptions } from '../bus.ts';
import { asRefusal, BrokerRefusal, brokerCode, CODE, leaderMoved, transient } from './broker-errors.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Connections } from './connections.ts';

/** `end` is the high watermark: control records and open transactions count. */
export type OffsetSpec = 'earliest' | 'end' | { readonly timestampMs: number };

const TIMESTAMPS = { earliest: -2, end: -1 } as const;
const READ_UNCOMMITTED = 0;

export interface OffsetScope {
  readonly view: ClusterView;
  readonly connections: Connections;
  /** Tracked by the view. */
  readonly topic: string;
}

/**
 * Offset by partition. For a time: the first record at or after it; −1 when there is none.
 * @throws BROKER_REFUSED or what kafkajs throws; the caller recovers and asks again
 */
export async function listOffsets(
  scope: OffsetScope,
  partitions: readonly number[],
  spec: OffsetSpec,
): Promise<ReadonlyMap<number, number>> {
  const { view, connections, topic } = scope;
  const timestamp = typeof spec === 'string' ? TIMESTAMPS[spec] : spec.timestampMs;
  const byLeader = new Map<string, number[]>();
  for (const partition of partitions) {
    const leader = view.leader(topic, partition);
    if (leader === null) throw new BrokerRefusal(CODE.LEADER_NOT_AVAILABLE, `ListOffsets of ${topic}-${partition}`);
    byLeader.set(leader, [...(byLeader.get(leader) ?? []), partition]);
  }
  const found = new Map<number, number>();
  for (const [leader, of] of byLeader) {
    const { broker } = await connections.to(leader);
    const asked = of.map((partition) => ({ partition, timestamp }));
    const answer = await broker.listOffsets({
      isolationLevel: READ_UNCOMMITTED,
      topics: [{ topic, partitions: asked }],
    });
    for (const entry of answer.responses) {
      for (const { partition, offset } of entry.partitions) found.set(partition, Number(offset));
    }
  }
  return found;
}

/** `listOffsets`, again and again until it succeeds or `signal` aborts (then null). @throws BROKER_REFUSED when waiting cannot help */
export async function listOffsetsUntilKnown(
  scope: OffsetScope,
  request: { readonly partitions: readonly number[]; readonly spec: OffsetSpec },
  signal: AbortSignal,
): Promise<ReadonlyMap<number, number> | null> {
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      return await listOffsets(scope, request.partitions, request.spec);
    } catch (error) {
      const code = brokerCode(error);
      if (code === null) scope.connections.dropAll();
      else if (!leaderMoved(code) && !transient(code)) throw asRefusal(error, 'ListOffsets', { topic: scope.topic });
      await scope.view.recover(error, failures, signal);
    }
  }
  return null;
}

export interface Bounds {
  readonly start: number;
  readonly end: number;
}

/** Start and end of each partition; empty when `signal` aborts. */
export async function boundsOf(
  scope: OffsetScope,
  request: { readonly partitions: readonly number[]; readonly from: ReadOptions['from'] },
  signal: AbortSignal,
): Promise<ReadonlyMap<number, Bounds>> {
  const { partitions, from } = request;
  const ask = (spec: OffsetSpec, of: readonly number[]) =>
    listOffsetsUntilKnown(scope, { partitions: of, spec }, signal);
  const [earliest, ends] = await Promise.all([ask('earliest', partitions), ask('end', partitions)]);
  const bounds = new Map<number, Bounds>();
  if (earliest === null || ends === null) return bounds;
  for (const partition of partitions) {
    const first = earliest.get(partition) ?? 0;
    const end = ends.get(partition) ?? first;
    const start = fromOf(from, partition);
    let wanted = typeof start === 'number' ? start : start === 'latest' ? end : first;
    if (typeof start === 'object') {
      const found = (await ask(start, [partition]))?.get(partition) ?? -1;
      wanted = found < 0 ? end : found;
    }
    bounds.set(partition, { start: Math.min(Math.max(wanted, first), end), end });
  }
  return bounds;
}

function fromOf(from: ReadOptions['from'], partition: number): ReadFrom {
  return from instanceof Map ? (from.get(partition) ?? 'earliest') : (from as ReadFrom);
}
