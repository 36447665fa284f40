// Groups: members, generations, who owns which partition, and committed offsets, per group and topic.
// Flow: consumers join, send heartbeats and leave; owners commit offsets.
// Invariants: a change of members makes a new generation and a sticky balanced assignment;
//             a member that is silent for longer than its session is removed.

import { assignSticky } from './assignment.ts';

export interface GroupTopic {
  readonly group: string;
  readonly topic: string;
}

interface Member {
  readonly sessionMs: number;
  seenMs: number;
}

interface Group {
  readonly of: GroupTopic;
  generation: number;
  /** In the order in which they joined. */
  readonly members: Map<string, Member>;
  owners: (string | null)[];
  readonly committed: Map<number, number>;
}

export interface Membership {
  readonly generation: number;
  /** Ascending. */
  readonly partitions: readonly number[];
}

export class Groups {
  private readonly groups = new Map<string, Group>();
  private readonly onChange: (of: GroupTopic) => void;

  /** @param onChange told after each new generation */
  constructor(onChange: (of: GroupTopic) => void) {
    this.onChange = onChange;
  }

  join(of: GroupTopic, partitions: number, member: { readonly id: string; readonly sessionMs: number; nowMs: number }) {
    const group = this.group(of);
    while (group.owners.length < partitions) group.owners.push(null);
    group.members.set(member.id, { sessionMs: member.sessionMs, seenMs: member.nowMs });
    this.rebalance(group);
  }

  /** Partitions were added to a topic: its groups share them out. */
  grow(topic: string, partitions: number): void {
    for (const group of this.groups.values()) {
      if (group.of.topic !== topic || group.owners.length >= partitions) continue;
      while (group.owners.length < partitions) group.owners.push(null);
      this.rebalance(group);
    }
  }

  leave(of: GroupTopic, id: string): void {
    const group = this.group(of);
    if (group.members.delete(id)) this.rebalance(group);
  }

  /** What the member owns now; null when the group has dropped it and it must join again. */
  heartbeat(of: GroupTopic, id: string, nowMs: number): Membership | null {
    const group = this.group(of);
    const member = group.members.get(id);
    if (member === undefined) return null;
    member.seenMs = nowMs;
    const partitions = group.owners.flatMap((owner, partition) => (owner === id ? [partition] : []));
    return { generation: group.generation, partitions };
  }

  has(of: GroupTopic, id: string): boolean {
    return this.group(of).members.has(id);
  }

  /** Groups that have members, in the order in which they came to be. */
  active(): readonly GroupTopic[] {
    return [...this.groups.values()].filter(({ members }) => members.size > 0).map(({ of }) => of);
  }

  owns(of: GroupTopic, id: string, partition: number): boolean {
    return this.group(of).owners[partition] === id;
  }

  /** Removes members whose session has run out. */
  expire(nowMs: number): void {
    for (const group of this.groups.values()) {
      const silent = [...group.members].filter(([, member]) => nowMs - member.seenMs > member.sessionMs);
      for (const [id] of silent) group.members.delete(id);
      if (silent.length > 0) this.rebalance(group);
    }
  }

  /** A new generation in which every partition goes to the next member: all that can move, moves. */
  rotate(of: GroupTopic): void {
    const group = this.group(of);
    const members = [...group.members.keys()];
    group.owners = group.owners.map((owner) =>
      owner === null ? null : (members[(members.indexOf(owner) + 1) % members.length] ?? null),
    );
    this.rebalance(group);
  }

  /** Committed next offset; −1 when there is none. */
  committed(of: GroupTopic, partition: number): number {
    return this.group(of).committed.get(partition) ?? -1;
  }

  commit(of: GroupTopic, partition: number, nextOffset: number): void {
    this.group(of).committed.set(partition, nextOffset);
  }

  private rebalance(group: Group): void {
    group.generation++;
    group.owners = assignSticky([...group.members.keys()], group.owners);
    this.onChange(group.of);
  }

  private group(of: GroupTopic): Group {
    const key = `${of.group}\n${of.topic}`;
    const known = this.groups.get(key);
    if (known !== undefined) return known;
    const made: Group = { of, generation: 0, members: new Map(), owners: [], committed: new Map() };
    this.groups.set(key, made);
    return made;
  }
}
