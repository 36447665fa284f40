// Memory consumer: one member of a group. It keeps the membership alive and runs the owner's work per partition.
// Flow: join → heartbeats; each new generation starts the work of partitions that came and ends that of those that went.
// Invariants: a partition that stays is not disturbed by a rebalance; a work that begins again gets a fresh partition
//             object; the next work of a partition waits (bounded) for the one before.

import { errorCode } from '../../domain/errors.ts';
import type { ConsumeOptions, GroupConsumer } from '../bus.ts';
import type { Membership } from './groups.ts';
import type { MemoryClient } from './memory-client.ts';
import { groupKey } from './memory-log.ts';
import { MemoryPartition } from './memory-partition.ts';

const HEARTBEAT_INTERVAL_MS = 1_000;
/** How long `stop`, and the next work of a partition, wait for a work that was told to end. */
const FINISH_WAIT_MS = 10_000;
const RESTART_BACKOFF_MS = 50;
const RESTART_BACKOFF_MAX_MS = 2_000;

/** What a work that has just lost its partition may well end with. */
const LOSS_CODES: ReadonlySet<string> = new Set(['PARTITION_LOST', 'FENCED', 'NOT_FENCED', 'COMMIT_DOUBTFUL']);

interface Owned {
  readonly lost: AbortController;
  readonly done: Promise<void>;
}

export class MemoryConsumer implements GroupConsumer {
  private readonly client: MemoryClient;
  private readonly options: ConsumeOptions;
  private readonly member: string;
  private readonly sessionMs: number;
  private readonly left = new AbortController();
  private readonly owned = new Map<number, Owned>();
  private readonly ending = new Map<number, Promise<void>>();
  private generation = -1;
  private stopped: Promise<void> | null = null;

  /** @param sessionMs silence after which the group drops this member */
  constructor(client: MemoryClient, options: ConsumeOptions, member: { readonly id: string; sessionMs: number }) {
    this.client = client;
    this.options = options;
    this.member = member.id;
    this.sessionMs = member.sessionMs;
  }

  get assigned(): readonly number[] {
    return [...this.owned.keys()].sort((a, b) => a - b);
  }

  /** Joins and takes up what is assigned; later changes are followed in the background. */
  start(): void {
    this.join();
    this.refresh();
    void this.follow();
  }

  stop(): Promise<void> {
    this.stopped ??= this.leave();
    return this.stopped;
  }

  private async leave(): Promise<void> {
    if (this.client.isCrashed) return;
    this.lose(this.assigned);
    // Still a member while the owners finish, so that nobody takes over half-way.
    await this.client.bounded(Promise.all(this.ending.values()), FINISH_WAIT_MS);
    this.left.abort();
    if (!this.client.isCrashed) this.client.log.groups.leave(this.options, this.member);
  }

  private join(): void {
    const { log, clock } = this.client;
    const partitions = log.partitions(this.options.topic).length;
    const member = { id: this.member, sessionMs: this.sessionMs, nowMs: clock.nowMs() };
    log.groups.join(this.options, partitions, member);
  }

  private async follow(): Promise<void> {
    const { log, clock, ended } = this.client;
    const signals = [this.left.signal, ended.signal];
    while (!signals.some((signal) => signal.aborted)) {
      await log.wakes.wait([groupKey(this.options)], { clock, maxMs: HEARTBEAT_INTERVAL_MS, signals });
      if (!this.client.stalled && !signals.some((signal) => signal.aborted)) this.refresh();
    }
  }

  /** One heartbeat, and what it says about the assignment. */
  private refresh(): void {
    this.client.expire();
    let membership = this.heartbeat();
    if (this.stopped !== null) return;
    if (membership === null) {
      this.lose(this.assigned);
      this.join();
      membership = this.heartbeat();
    }
    if (membership !== null) this.apply(membership);
  }

  private heartbeat(): Membership | null {
    const { log, clock } = this.client;
    return log.groups.heartbeat(this.options, this.member, clock.nowMs());
  }

  private apply({ generation, partitions }: Membership): void {
    if (generation === this.generation) return;
    const first = this.generation === -1;
    this.generation = generation;
    const gone = this.assigned.filter((partition) => !partitions.includes(partition));
    const come = partitions.filter((partition) => !this.owned.has(partition));
    this.lose(gone);
    for (const partition of come) this.begin(partition);
    if (first || gone.length + come.length > 0) this.options.onAssigned?.(this.assigned);
  }

  private lose(partitions: readonly number[]): void {
    for (const partition of partitions) {
      const owned = this.owned.get(partition);
      if (owned === undefined) continue;
      this.owned.delete(partition);
      this.ending.set(partition, owned.done);
      owned.lost.abort();
    }
  }

  private begin(partition: number): void {
    const lost = new AbortController();
    const before = this.ending.get(partition) ?? null;
    this.owned.set(partition, { lost, done: this.work(partition, lost.signal, before) });
  }

  /** Runs the owner's work until it returns or the partition is lost; a rejected one is started again. */
  private async work(partition: number, lost: AbortSignal, before: Promise<void> | null): Promise<void> {
    const { client, options, member } = this;
    if (before !== null) await client.bounded(before, FINISH_WAIT_MS);
    let backoffMs = RESTART_BACKOFF_MS;
    while (!lost.aborted) {
      const startedMs = client.clock.nowMs();
      await client.alive();
      const owned = new MemoryPartition({ client, options, member, partition, lost });
      try {
        await options.onPartition(owned);
        return;
      } catch (error) {
        await client.alive();
        if (!lost.aborted || !LOSS_CODES.has(errorCode(error))) options.onError(error, partition);
      } finally {
        owned.close();
      }
      if (client.clock.nowMs() - startedMs > RESTART_BACKOFF_MAX_MS) backoffMs = RESTART_BACKOFF_MS;
      await client.clock.sleep(backoffMs, lost);
      backoffMs = Math.min(2 * backoffMs, RESTART_BACKOFF_MAX_MS);
    }
  }
}
