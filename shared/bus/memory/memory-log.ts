// Memory log: the state of a broker, shared by all memory buses that are its clients.
// Flow: `memoryBus(memoryLog(), …)` is one client, that is one process; several on one log are several processes.
// Invariants: every method is synchronous and takes the time as an argument: no timer, no randomness, so that the same
//             calls give the same history. Records, offsets and markers behave as on a Kafka broker; compaction and
//             retention do not run (`truncate` stands for them).

import { assert, MillraceError } from '../../domain/errors.ts';
import type { OutRecord } from '../../domain/record.ts';
import type { TopicSpec } from '../../domain/topics.ts';
import { Groups, type GroupTopic } from './groups.ts';
import type { LogHooks } from './hooks.ts';
import { PartitionLog } from './partition-log.ts';
import { encodedBytes, MESSAGE_BYTES_DEFAULT } from './record-bytes.ts';
import { type ProducerEpoch, type Transaction, Transactions } from './transactions.ts';
import { Wakes } from './wakes.ts';

/** The design's bound: an open transaction of a dead owner holds readers back no longer than this. */
const TRANSACTION_TIMEOUT_MS = 5_000;

export interface MemoryLogOptions {
  readonly hooks?: LogHooks;
  /** Default 5000. */
  readonly transactionTimeoutMs?: number;
}

interface Topic {
  readonly partitions: PartitionLog[];
  readonly maxMessageBytes: number;
  readonly compacted: boolean;
}

/** Offset to commit together with a transaction. */
export interface OffsetCommit {
  readonly of: GroupTopic;
  readonly partition: number;
  readonly nextOffset: number;
}

/** A new, empty broker. */
export function memoryLog(options: MemoryLogOptions = {}): MemoryLog {
  return new MemoryLog(options);
}

export class MemoryLog {
  readonly hooks: LogHooks;
  readonly wakes = new Wakes();
  readonly groups: Groups;
  readonly transactions: Transactions;
  private readonly topics = new Map<string, Topic>();
  private clients = 0;

  constructor(options: MemoryLogOptions) {
    this.hooks = options.hooks ?? {};
    this.groups = new Groups((of) => this.wakes.wake(groupKey(of)));
    this.transactions = new Transactions(options.transactionTimeoutMs ?? TRANSACTION_TIMEOUT_MS, (touched) => {
      for (const log of touched) this.wakes.wake(partitionKey(log.topic, log.partition));
    });
  }

  /** A number that no other client of this log has. */
  nextClient(): number {
    return ++this.clients;
  }

  /** @throws TOPIC_MISMATCH */
  createTopic(spec: TopicSpec): void {
    const known = this.topics.get(spec.name);
    if (known === undefined) {
      const partitions = Array.from({ length: spec.partitions }, (_, index) => new PartitionLog(spec.name, index));
      const maxMessageBytes = Number(spec.config['max.message.bytes'] ?? MESSAGE_BYTES_DEFAULT);
      const compacted = spec.config['cleanup.policy']?.includes('compact') ?? false;
      this.topics.set(spec.name, { partitions, maxMessageBytes, compacted });
    } else if (known.partitions.length !== spec.partitions) {
      const actual = known.partitions.length;
      throw new MillraceError('TOPIC_MISMATCH', { topic: spec.name, actual, expected: spec.partitions });
    }
  }

  /** @throws TOPIC_UNKNOWN; TOPIC_MISMATCH when the topic has more */
  addPartitions({ name, partitions: expected }: TopicSpec): void {
    const { partitions } = this.topic(name);
    const actual = partitions.length;
    if (actual > expected) throw new MillraceError('TOPIC_MISMATCH', { topic: name, actual, expected });
    for (let index = actual; index < expected; index++) partitions.push(new PartitionLog(name, index));
    this.groups.grow(name, expected);
  }

  topicNames(): string[] {
    return [...this.topics.keys()].sort();
  }

  hasTopic(topic: string): boolean {
    return this.topics.has(topic);
  }

  /** @throws TOPIC_UNKNOWN */
  partitions(topic: string): readonly PartitionLog[] {
    return this.topic(topic).partitions;
  }

  /** @throws TOPIC_UNKNOWN, also for a partition that the topic does not have */
  partition(topic: string, partition: number): PartitionLog {
    const log = this.topic(topic).partitions[partition];
    if (log === undefined) throw new MillraceError('TOPIC_UNKNOWN', { topic: `${topic}-${partition}` });
    return log;
  }

  /** @throws TOPIC_UNKNOWN, WRITE_FAILED; RECORD_TOO_LARGE, whose `index` names the record: nothing may be written */
  check(records: readonly OutRecord[]): void {
    for (const [index, record] of records.entries()) {
      const { topic, partition } = record;
      this.partition(topic, partition);
      const { maxMessageBytes, compacted } = this.topic(topic);
      if (compacted && record.key === null) {
        throw new MillraceError('WRITE_FAILED', { topic, detail: 'records of a compacted topic need a key' });
      }
      const bytes = encodedBytes(record);
      if (bytes > maxMessageBytes) throw new MillraceError('RECORD_TOO_LARGE', { topic, partition, index, bytes });
    }
  }

  /** Writes all records, or none when one is refused. @throws TOPIC_UNKNOWN, RECORD_TOO_LARGE, FENCED */
  append(records: readonly OutRecord[], nowMs: number, producer: ProducerEpoch | null): void {
    this.check(records);
    const transaction: Transaction | null = producer === null ? null : this.transactions.current(producer);
    const touched = new Set<PartitionLog>();
    for (const record of records) {
      const log = this.partition(record.topic, record.partition);
      log.append(record, nowMs, transaction);
      transaction?.touched.add(log);
      touched.add(log);
    }
    for (const log of touched) this.wakes.wake(partitionKey(log.topic, log.partition));
  }

  /** Makes the open transaction's records visible and commits the offset, at once. @throws FENCED */
  commitTransaction(producer: ProducerEpoch, offset: OffsetCommit | null): void {
    this.transactions.end(producer, 'committed');
    if (offset !== null) this.groups.commit(offset.of, offset.partition, offset.nextOffset);
  }

  /** Lets time take effect: transactions and sessions that have run out end. */
  expire(nowMs: number): void {
    this.transactions.expire(nowMs);
    this.groups.expire(nowMs);
  }

  /** Stands for retention: records before `offset` are gone. */
  truncate(topic: string, partition: number, offset: number): void {
    const log = this.partition(topic, partition);
    assert(offset <= log.end, 'retention cannot pass the end');
    log.earliest = Math.max(log.earliest, offset);
  }

  private topic(name: string): Topic {
    const topic = this.topics.get(name);
    if (topic === undefined) throw new MillraceError('TOPIC_UNKNOWN', { topic: name });
    return topic;
  }
}

/** Wake key of a partition: records came, or a transaction on it ended. */
export function partitionKey(topic: string, partition: number): string {
  return `partition ${topic}-${partition}`;
}

/** Wake key of a group: it has a new generation. */
export function groupKey(of: GroupTopic): string {
  return `group ${of.group} ${of.topic}`;
}
