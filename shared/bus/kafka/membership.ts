// Membership: this process as a member of a consumer group, by the classic protocol.
// Flow: join → (the leader assigns) → sync → heartbeats, on a connection of its own, whatever user code does.
// Invariants: what stays in the next assignment keeps working through a rebalance, because the fence protects it; what
//             leaves is reported at once; a membership that the coordinator does not know loses everything.

import type { AssignorMember } from './assignor.ts';
import { assign } from './assignor.ts';
import { asRefusal, brokerCode, CODE, coordinatorMoved } from './broker-errors.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Connections } from './connections.ts';
import { client } from './internals/client.ts';
import type { GroupMember } from './internals/client-types.ts';
import { decodeOwned, encodeOwned } from './owned-claims.ts';

const PROTOCOL = 'millrace-sticky';
const METADATA_VERSION = 1;
const REQUEST_TIMEOUT_MS = 5_000;
/**
 * How long a rebalance waits for members that do not join again. Ours do within a heartbeat, whatever user code does, so
 * one that has not is dead or stalled, and its partitions need not wait for its session to end.
 */
const REBALANCE_TIMEOUT_MS = 3_000;
/** How long `leave` waits for a join that is under way, and for its answer. */
const LEAVE_WAIT_MS = 3_000;

interface MembershipOptions {
  readonly view: ClusterView;
  readonly group: string;
  /** Tracked by the view. */
  readonly topic: string;
  /** All partitions owned from now on, ascending. */
  readonly onAssigned: (partitions: readonly number[]) => void;
  readonly onError: (error: unknown) => void;
}

export interface Generation {
  readonly memberId: string;
  readonly generationId: number;
}

export class Membership {
  private readonly options: MembershipOptions;
  private readonly connections: Connections;
  private readonly leaving = new AbortController();
  private memberId = '';
  private generationId = -1;
  private owned: readonly number[] = [];
  private mustJoin = true;
  private isLeader = false;
  private partitionsAssigned = 0;
  private checkedAtMs = 0;
  private loop: Promise<void> = Promise.resolve();
  private readonly firstJoin: { done: () => void; readonly promise: Promise<void> };

  constructor(options: MembershipOptions) {
    this.options = options;
    this.connections = options.view.open(REQUEST_TIMEOUT_MS);
    let done = () => {};
    const promise = new Promise<void>((resolve) => {
      done = resolve;
    });
    this.firstJoin = { done, promise };
  }

  /** Joins, and stays in until `leave`. Resolves after the first assignment, or when that takes a session. */
  async start(): Promise<void> {
    const { clock, sessionTimeoutMs } = this.options.view.settings;
    this.loop = this.run();
    const waited = new AbortController();
    await Promise.race([this.firstJoin.promise, clock.sleep(sessionTimeoutMs, waited.signal)]);
    waited.abort();
  }

  /** Who we are to the coordinator; `generationId` is −1 while we are nobody. */
  get generation(): Generation {
    return { memberId: this.memberId, generationId: this.generationId };
  }

  /**
   * Asks the coordinator whether we are still a member: before a fence, so that one who was given up does not end the
   * transactions of its successor. Unknown (an outage) counts as yes: then the fence cannot reach a broker either.
   */
  async confirm(): Promise<boolean> {
    // A join that is under way is our standing with the coordinator, and its answer comes before a heartbeat's.
    if (this.mustJoin) return true;
    const { generationId } = this;
    try {
      await this.beat();
      return true;
    } catch (error) {
      // The answer to an old generation says nothing about the one that a join has given us meanwhile.
      if (!lostMembership(brokerCode(error)) || generationId !== this.generationId) return true;
      this.onFailure(error);
      return false;
    }
  }

  /** Leaves the group (bounded). */
  async leave(): Promise<void> {
    const { view, group } = this.options;
    const { clock } = view.settings;
    this.leaving.abort();
    await Promise.race([this.loop, clock.sleep(LEAVE_WAIT_MS)]);
    if (this.memberId !== '') {
      const left = this.coordinator().then(({ broker }) =>
        broker.leaveGroup({ groupId: group, memberId: this.memberId }),
      );
      await Promise.race([left.catch(() => undefined), clock.sleep(LEAVE_WAIT_MS)]);
    }
    this.connections.close();
  }

  private async run(): Promise<void> {
    const { clock, heartbeatIntervalMs } = this.options.view.settings;
    const { signal } = this.leaving;
    let failures = 0;
    while (!signal.aborted) {
      try {
        if (this.mustJoin) {
          await this.join();
        } else {
          await clock.sleep(heartbeatIntervalMs, signal);
          if (!signal.aborted) await this.beat();
          if (!signal.aborted) await this.checkPartitions();
        }
        failures = 0;
      } catch (error) {
        if (this.onFailure(error)) await this.options.view.recover(error, ++failures, signal);
      }
    }
  }

  private async coordinator() {
    return this.connections.to(await this.options.view.coordinator('group', this.options.group));
  }

  private async beat(): Promise<void> {
    const { broker } = await this.coordinator();
    const { memberId, generationId: groupGenerationId } = this;
    if (memberId !== '') await broker.heartbeat({ groupId: this.options.group, groupGenerationId, memberId });
  }

  private async join(): Promise<void> {
    const { view, group: groupId, topic } = this.options;
    const { sessionTimeoutMs } = view.settings;
    const { MemberMetadata, MemberAssignment } = client().assignerProtocol;
    const { broker } = await this.coordinator();
    const userData = encodeOwned({ generation: this.generationId, owned: this.owned });
    const joined = await broker.joinGroup({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: Math.min(REBALANCE_TIMEOUT_MS, sessionTimeoutMs),
      memberId: this.memberId,
      groupProtocols: [
        { name: PROTOCOL, metadata: MemberMetadata.encode({ version: METADATA_VERSION, topics: [topic], userData }) },
      ],
    });
    const { memberId, generationId } = joined;
    this.memberId = memberId;
    this.isLeader = joined.leaderId === memberId;
    const groupAssignment = this.isLeader ? await this.assignAll(joined.members) : [];
    const synced = await broker.syncGroup({ groupId, generationId, memberId, groupAssignment });
    const assigned = MemberAssignment.decode(synced.memberAssignment)?.assignment[topic] ?? [];
    this.generationId = generationId;
    this.mustJoin = false;
    this.own([...assigned].sort((a, b) => a - b));
    this.firstJoin.done();
  }

  private async assignAll(members: readonly GroupMember[]) {
    const { view, topic } = this.options;
    const { MemberAssignment } = client().assignerProtocol;
    await view.refresh();
    this.partitionsAssigned = view.partitionsSeen(topic);
    this.checkedAtMs = view.settings.clock.nowMs();
    const assignment = assign(
      members.flatMap((member) => claimant(member, topic)),
      this.partitionsAssigned,
    );
    return members.map(({ memberId }) => ({
      memberId,
      memberAssignment: MemberAssignment.encode({
        version: METADATA_VERSION,
        assignment: { [topic]: assignment.get(memberId) ?? [] },
        userData: Buffer.alloc(0),
      }),
    }));
  }

  /** The leader looks whether partitions were added; joining again makes everyone join. */
  private async checkPartitions(): Promise<void> {
    const { view, topic } = this.options;
    const { clock, partitionCheckIntervalMs } = view.settings;
    if (!this.isLeader || clock.nowMs() - this.checkedAtMs < partitionCheckIntervalMs) return;
    this.checkedAtMs = clock.nowMs();
    await view.refresh();
    if (view.partitionsSeen(topic) > this.partitionsAssigned) this.mustJoin = true;
  }

  /** @returns whether to back off before the next try */
  private onFailure(error: unknown): boolean {
    const code = brokerCode(error);
    const { view, group } = this.options;
    if (code === CODE.REBALANCE_IN_PROGRESS) {
      this.mustJoin = true;
      return false;
    }
    if (lostMembership(code)) {
      if (code !== CODE.ILLEGAL_GENERATION) this.memberId = '';
      this.generationId = -1;
      this.mustJoin = true;
      this.own([]);
      return false;
    }
    view.forgetCoordinator('group', group);
    if (code === null) this.connections.dropAll();
    else if (!coordinatorMoved(code)) this.options.onError(asRefusal(error, 'group membership', { group }));
    return true;
  }

  private own(partitions: readonly number[]): void {
    this.owned = partitions;
    this.options.onAssigned(partitions);
  }
}

function lostMembership(code: number | null): boolean {
  return code === CODE.UNKNOWN_MEMBER_ID || code === CODE.ILLEGAL_GENERATION || code === CODE.FENCED_INSTANCE_ID;
}

/** The member with its claims, when it reads our topic. What it says of itself may be anything. */
function claimant(member: GroupMember, topic: string): AssignorMember[] {
  const { MemberMetadata } = client().assignerProtocol;
  try {
    const { topics, userData } = MemberMetadata.decode(member.memberMetadata);
    return topics.includes(topic) ? [{ id: member.memberId, ...decodeOwned(userData) }] : [];
  } catch {
    return [{ id: member.memberId, owned: [], generation: -1 }];
  }
}
