// List offsets: where partitions begin and end, and where a time begins.
// Flow: admin, readers, and an owner whose committed offset is missing or gone.

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
      else if (!leaderMoved(code) && !transient(code)) throw asRefusal(error, 'ListOffsets');
      await scope.view.recover(error, failures, signal);
    }
  }
  return null;
}
