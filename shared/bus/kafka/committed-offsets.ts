// Committed offsets of a group: read (stable ones only) and, for at-least-once, written.
// Flow: owned-partition.ts resumes from them; admin shows them.

import { asRefusal, brokerCode, CODE, coordinatorMoved } from './broker-errors.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Connections } from './connections.ts';
import type { Generation } from './membership.ts';
import { offsetFetchRequest } from './requests/offset-fetch.ts';

/** Wait between two looks while a transaction that moves the offset completes. */
const UNSTABLE_RETRY_MS = 5;

export interface CommittedScope {
  readonly view: ClusterView;
  readonly connections: Connections;
  readonly group: string;
  readonly topic: string;
}

/**
 * Committed next offset by partition, −1 where there is none. Waits out coordinators that move, outages and
 * transactions that complete. @returns null when `signal` aborts @throws BROKER_REFUSED, ACCESS_DENIED when waiting cannot help
 */
export async function committedOffsets(
  scope: CommittedScope,
  partitions: readonly number[],
  signal: AbortSignal,
): Promise<ReadonlyMap<number, number> | null> {
  const { view, connections, group, topic } = scope;
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      const wire = await connections.to(await view.coordinator('group', group));
      return await wire.send(offsetFetchRequest(group, topic, partitions));
    } catch (error) {
      const code = brokerCode(error);
      if (code === CODE.UNSTABLE_OFFSET_COMMIT) {
        await view.settings.clock.sleep(UNSTABLE_RETRY_MS, signal);
        continue;
      }
      if (code !== null && !coordinatorMoved(code)) throw asRefusal(error, 'OffsetFetch', { group, topic });
      view.forgetCoordinator('group', group);
      if (code === null) connections.dropAll();
      await view.recover(error, failures, signal);
    }
  }
  return null;
}

export interface OffsetWork {
  readonly partition: number;
  readonly nextOffset: number;
  /** Asked anew for every try: a rebalance may have passed meanwhile. */
  readonly generation: () => Generation;
  /** How long to try. */
  readonly deadlineMs: number;
}

/** Commits one offset as a member of the group. @throws what the coordinator answered last */
export async function commitOffset(scope: CommittedScope, work: OffsetWork): Promise<void> {
  const { view, connections, group: groupId, topic } = scope;
  const { clock } = view.settings;
  const untilMs = clock.nowMs() + work.deadlineMs;
  const topics = [{ topic, partitions: [{ partition: work.partition, offset: String(work.nextOffset) }] }];
  for (let failures = 1; ; failures++) {
    try {
      const { memberId, generationId: groupGenerationId } = work.generation();
      const { broker } = await connections.to(await view.coordinator('group', groupId));
      await broker.offsetCommit({ groupId, groupGenerationId, memberId, topics });
      return;
    } catch (error) {
      const code = brokerCode(error);
      const again = code === null || coordinatorMoved(code) || code === CODE.REBALANCE_IN_PROGRESS;
      if (!again || clock.nowMs() >= untilMs) throw error;
      if (code !== CODE.REBALANCE_IN_PROGRESS) view.forgetCoordinator('group', groupId);
      if (code === null) connections.dropAll();
      const remaining = AbortSignal.timeout(Math.max(untilMs - clock.nowMs(), 1));
      await view.recover(error, failures, remaining);
    }
  }
}
