// Memory partition: one input partition while one work of one client owns it.
// Flow: fence → resume → (take → commit)*; any failed commit leads back to fence.
// Invariant: nothing is taken or committed under an epoch that was not fenced by this very object.

import { errorText, MillraceError } from '../../domain/errors.ts';
import { transactionalIdOf } from '../../domain/groups.ts';
import type { OutRecord } from '../../domain/record.ts';
import type { ConsumeOptions, OwnedPartition, ReadFrom, Taken, TakeOptions } from '../bus.ts';
import type { AppendContext, CommitContext } from './hooks.ts';
import type { MemoryClient } from './memory-client.ts';
import { partitionKey } from './memory-log.ts';
import type { ProducerEpoch } from './transactions.ts';

/** `over` ends a running take when the epoch is given up. `producer` is null with at-least-once. */
interface Session {
  readonly producer: ProducerEpoch | null;
  readonly over: AbortController;
  /** Next offset to take; null before `resume`. */
  position: number | null;
}

export interface PartitionOwner {
  readonly client: MemoryClient;
  readonly options: ConsumeOptions;
  readonly member: string;
  readonly partition: number;
  readonly lost: AbortSignal;
}

type Work = Parameters<OwnedPartition['commit']>[0];

export class MemoryPartition implements OwnedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly lost: AbortSignal;
  private readonly owner: PartitionOwner;
  private session: Session | null = null;
  private closed = false;

  constructor(owner: PartitionOwner) {
    this.owner = owner;
    this.topic = owner.options.topic;
    this.partition = owner.partition;
    this.lost = owner.lost;
  }

  async fence(): Promise<void> {
    const { client, options } = this.owner;
    await client.alive();
    this.endSession();
    this.requireOwned();
    const transactionalId = transactionalIdOf({ group: options.group, topic: this.topic, partition: this.partition });
    let producer: ProducerEpoch | null = null;
    if (options.delivery === 'exactly-once') {
      await client.log.hooks.beforeFence?.({ client: client.name, transactionalId });
      await client.alive();
      this.requireOwned();
      // One whom the group has given up must not end the transactions of its successor.
      if (!client.log.groups.has(options, this.owner.member)) throw this.error('PARTITION_LOST');
      producer = client.log.transactions.fence({ transactionalId, topic: this.topic, partition: this.partition });
    }
    this.session = { producer, over: new AbortController(), position: null };
  }

  async resume(otherwise: ReadFrom = 'earliest'): Promise<number> {
    const { client, options } = this.owner;
    await client.alive();
    this.requireOwned();
    if (this.session === null) throw this.error('NOT_FENCED');
    const committed = client.log.groups.committed(options, this.partition);
    const log = client.log.partition(this.topic, this.partition);
    const { earliest } = log;
    if (committed >= 0 && committed < earliest) {
      const { topic, partition } = this;
      options.onError(new MillraceError('OFFSET_LOST', { topic, partition, offset: committed, earliest }), partition);
    }
    this.session.position = committed < 0 ? log.startOf(otherwise) : Math.max(committed, earliest);
    return this.session.position;
  }

  /** The work has ended: nothing goes out any more. */
  close(): void {
    this.closed = true;
    this.endSession();
  }

  async take(options: TakeOptions): Promise<Taken> {
    const { client } = this.owner;
    await client.alive();
    if (this.lost.aborted) return { records: [], nextOffset: this.session?.position ?? 0 };
    const session = this.session;
    if (session === null || session.position === null) throw this.error('NOT_FENCED');
    const position = session.position;
    const ends = [this.lost, session.over.signal, client.ended.signal];
    const taken = await this.awaitRecords(position, options, ends);
    await client.alive();
    if (ends.some((signal) => signal.aborted)) return { records: [], nextOffset: position };
    session.position = taken.nextOffset;
    return taken;
  }

  async commit(work: Work): Promise<void> {
    const { client } = this.owner;
    await client.alive();
    const session = this.session;
    if (this.closed) throw this.error('PARTITION_LOST');
    if (session === null || session.position === null) throw this.error('NOT_FENCED');
    try {
      if (session.producer === null) await this.commitInTurn(work);
      else await this.commitTransaction(work, session.producer);
    } catch (error) {
      await client.alive();
      if (this.session === session) this.endSession();
      if (error instanceof MillraceError && error.code !== 'WRITE_FAILED') throw error;
      throw this.error('COMMIT_DOUBTFUL', errorText(error), error);
    }
  }

  /** Records from `position` on, delivered; waits for the first one until time or a signal ends the wait. */
  private async awaitRecords(position: number, options: TakeOptions, ends: readonly AbortSignal[]): Promise<Taken> {
    const { client } = this.owner;
    const { topic, partition } = this;
    const log = client.log.partition(topic, partition);
    const signals = options.wake === undefined ? ends : [...ends, options.wake];
    const deadlineMs = client.clock.nowMs() + options.maxWaitMs;
    for (;;) {
      const dueMs = client.expire();
      const taken = log.fetch(position, {
        isolation: 'read_committed',
        maxRecords: options.maxRecords,
        maxBytes: options.maxBytes,
      });
      if (taken.records.length > 0) {
        const { group } = this.owner.options;
        await client.deliver({ group, topic, partition, records: taken.records.length });
        return taken;
      }
      const restMs = deadlineMs - client.clock.nowMs();
      if (restMs <= 0 || signals.some((signal) => signal.aborted)) return taken;
      const maxMs = dueMs === null ? restMs : Math.min(restMs, dueMs);
      await client.log.wakes.wait([partitionKey(topic, partition)], { clock: client.clock, maxMs, signals });
    }
  }

  private async commitTransaction(work: Work, producer: ProducerEpoch): Promise<void> {
    const { client, options } = this.owner;
    const { log, clock } = client;
    log.transactions.begin(producer, clock.nowMs());
    await this.appendOutputs(work.outputs, producer);
    await log.hooks.beforeCommit?.(this.commitContext(work));
    await client.alive();
    log.expire(clock.nowMs());
    log.commitTransaction(producer, { of: options, partition: this.partition, nextOffset: work.nextOffset });
    await log.hooks.afterCommit?.(this.commitContext(work));
    await client.alive();
  }

  /** Outputs first, then the offset; the group refuses the offset of a member that no longer owns the partition. */
  private async commitInTurn(work: Work): Promise<void> {
    const { client, options, member } = this.owner;
    const { log, clock } = client;
    await this.appendOutputs(work.outputs, null);
    await log.hooks.beforeCommit?.(this.commitContext(work));
    await client.alive();
    log.expire(clock.nowMs());
    if (!log.groups.owns(options, member, this.partition)) throw this.error('FENCED');
    log.groups.commit(options, this.partition, work.nextOffset);
    await log.hooks.afterCommit?.(this.commitContext(work));
    await client.alive();
  }

  private async appendOutputs(outputs: readonly OutRecord[], producer: ProducerEpoch | null): Promise<void> {
    const { client } = this.owner;
    const { hooks } = client.log;
    const topics = [...new Set(outputs.map((record) => record.topic))];
    const context: AppendContext = { client: client.name, topics, records: outputs.length };
    await hooks.beforeAppend?.(context);
    await client.alive();
    client.log.append(outputs, client.clock.nowMs(), producer);
    await hooks.afterAppend?.(context);
    await client.alive();
  }

  private commitContext(work: Work): CommitContext {
    const { client, options } = this.owner;
    return {
      client: client.name,
      group: options.group,
      topic: this.topic,
      partition: this.partition,
      nextOffset: work.nextOffset,
      outputs: work.outputs.length,
    };
  }

  private endSession(): void {
    this.session?.over.abort();
    this.session = null;
  }

  private requireOwned(): void {
    if (this.lost.aborted || this.closed) throw this.error('PARTITION_LOST');
  }

  private error(
    code: 'PARTITION_LOST' | 'NOT_FENCED' | 'FENCED' | 'COMMIT_DOUBTFUL',
    detail = '',
    cause?: unknown,
  ): MillraceError {
    return new MillraceError(code, { topic: this.topic, partition: this.partition, detail }, cause);
  }
}
