// Consumer: a member of a group that runs the owner's work for every partition it owns.
// Flow: membership says what is owned → one KafkaPartition and one run of `onPartition` per partition.
// Invariants: a partition that stays is not disturbed by a rebalance; a work that begins again gets a fresh partition
//             object; the next work of a partition waits (bounded) for the one before; no rejection goes unhandled.

import { errorCode } from '../../domain/errors.ts';
import type { ConsumeOptions, GroupConsumer } from '../bus.ts';
import { backoffMs } from './backoff.ts';
import type { ClusterView } from './cluster-view.ts';
import { Fetcher } from './fetcher.ts';
import { Membership } from './membership.ts';
import { KafkaPartition } from './owned-partition.ts';
import type { BatchLimits } from './produce.ts';

/** How long `stop`, and the next work of a partition, wait for a work that was told to end. */
const FINISH_WAIT_MS = 10_000;
/** A work that ran for this long starts over with the shortest back-off. */
const HEALTHY_RUN_MS = 5_000;
/** Errors of the membership and the fetcher concern no single partition. */
const NO_PARTITION = -1;

/** What a work that has just lost its partition may well end with. */
const LOSS_CODES: ReadonlySet<string> = new Set(['PARTITION_LOST', 'FENCED', 'NOT_FENCED', 'COMMIT_DOUBTFUL']);

interface Owned {
  readonly lost: AbortController;
  readonly done: Promise<void>;
}

export class KafkaConsumer implements GroupConsumer {
  private readonly view: ClusterView;
  private readonly limits: BatchLimits;
  private readonly options: ConsumeOptions;
  private readonly membership: Membership;
  private readonly fetcher: Fetcher;
  private readonly owned = new Map<number, Owned>();
  private readonly ending = new Map<number, Promise<void>>();
  private announced = false;
  private stopped: Promise<void> | null = null;

  constructor(view: ClusterView, limits: BatchLimits, options: ConsumeOptions) {
    this.view = view;
    this.limits = limits;
    this.options = options;
    this.fetcher = new Fetcher({
      view,
      isolation: 'read_committed',
      intervalMs: options.fetchIntervalMs ?? 0,
      onError: (error, partition) => this.report(error, partition),
    });
    this.membership = new Membership({
      view,
      group: options.group,
      topic: options.topic,
      onAssigned: (partitions) => this.apply(partitions),
      onError: (error) => this.report(error, NO_PARTITION),
    });
  }

  get assigned(): readonly number[] {
    return [...this.owned.keys()].sort((a, b) => a - b);
  }

  /** Joins the group; resolves with the first assignment. */
  start(): Promise<void> {
    return this.membership.start();
  }

  stop(): Promise<void> {
    this.stopped ??= this.end();
    return this.stopped;
  }

  private async end(): Promise<void> {
    this.lose(this.assigned);
    // Still a member while the owners finish, so that nobody takes over half-way.
    await this.bounded(Promise.all(this.ending.values()));
    await this.membership.leave();
    this.fetcher.close();
  }

  private apply(partitions: readonly number[]): void {
    if (this.stopped !== null) return;
    const gone = this.assigned.filter((partition) => !partitions.includes(partition));
    const come = partitions.filter((partition) => !this.owned.has(partition));
    this.lose(gone);
    for (const partition of come) this.begin(partition);
    if (this.announced && gone.length + come.length === 0) return;
    this.announced = true;
    try {
      this.options.onAssigned?.(this.assigned);
    } catch (error) {
      this.report(error, NO_PARTITION);
    }
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

  /** Runs the owner's work until it returns or the partition is lost; a rejected one is started again. Never rejects. */
  private async work(partition: number, lost: AbortSignal, before: Promise<void> | null): Promise<void> {
    const { clock } = this.view.settings;
    if (before !== null) await this.bounded(before);
    for (let failures = 1; !lost.aborted; failures++) {
      const startedMs = clock.nowMs();
      if (await this.runOnce(partition, lost)) return;
      if (clock.nowMs() - startedMs > HEALTHY_RUN_MS) failures = 1;
      await clock.sleep(backoffMs(failures), lost);
    }
  }

  /** @returns whether the work ended by itself */
  private async runOnce(partition: number, lost: AbortSignal): Promise<boolean> {
    const { view, limits, membership, fetcher } = this;
    const { group, topic, delivery } = this.options;
    const onError = (error: unknown, of: number) => this.report(error, of);
    const owner = { view, membership, fetcher, limits, group, topic, delivery, onError };
    const owned = new KafkaPartition(owner, partition, lost);
    try {
      await this.options.onPartition(owned);
      return true;
    } catch (error) {
      if (!lost.aborted || !LOSS_CODES.has(errorCode(error))) this.report(error, partition);
      return false;
    } finally {
      owned.close();
    }
  }

  private report(error: unknown, partition: number): void {
    try {
      this.options.onError(error, partition);
    } catch {
      // An error handler that throws has nobody left to tell.
    }
  }

  private async bounded(done: Promise<unknown>): Promise<void> {
    const waited = new AbortController();
    await Promise.race([done, this.view.settings.clock.sleep(FINISH_WAIT_MS, waited.signal)]);
    waited.abort();
  }
}
