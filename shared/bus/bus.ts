// Bus: the record log as a port. Two implementations, `kafka` and `memory`, pass one contract suite (test/contract).
// Flow: services take records from owned partitions and commit outputs and offset together; control topics are read
//       without a group.
// Invariants: an owner works in the order fence → (read what earlier owners committed) → resume → take/commit.
//       After any failed or doubtful commit the partition is unfenced, and the owner starts over from `fence`.

import type { GroupPartition } from '../domain/groups.ts';
import type { InRecord, OutRecord } from '../domain/record.ts';
import type { Delivery } from '../domain/route-plan.ts';
import type { TopicSpec } from '../domain/topics.ts';

export interface Bus {
  readonly kind: 'kafka' | 'memory';
  readonly admin: BusAdmin;
  /** Joins a consumer group on one topic and runs `onPartition` for every partition while it is owned. */
  consume(options: ConsumeOptions): Promise<GroupConsumer>;
  /**
   * Reads without a group, `read_committed` unless told otherwise.
   * The first batch of each partition comes even when it is empty, so that a table knows where it stands.
   * An outage is waited out. @throws TOPIC_UNKNOWN when a topic is not there.
   */
  read(options: ReadOptions): AsyncIterable<ReadBatch>;
  /**
   * Writes outside any consumer loop (reports, commands, producers), acknowledged by all in-sync replicas, in order.
   * Retried within `deadlineMs` (default 15000), so at least once.
   * @throws WRITE_FAILED, RECORD_TOO_LARGE, TOPIC_UNKNOWN; ACCESS_DENIED when the bus's user may not write there.
   */
  write(records: readonly OutRecord[], options?: { readonly deadlineMs?: number }): Promise<void>;
  /** Stops every consumer and reader that is still running, and disconnects. */
  close(): Promise<void>;
}

/** For who can wait: a fetch for each few records costs the brokers as much as those whom somebody waits for. */
export interface FetchPace {
  /**
   * New records may come so much later, milliseconds: while there are no more, a partition is fetched once in so long, each at
   * its own moment. Default 0. Records that are there already come without delay. The memory bus never waits.
   */
  readonly fetchIntervalMs?: number;
}

export interface ConsumeOptions extends FetchPace {
  /** Group id. Owners' transactional ids follow from it (domain/groups.ts). */
  readonly group: string;
  readonly topic: string;
  readonly delivery: Delivery;
  /**
   * The owner's work, from assignment to loss. It must return soon after `partition.lost` aborts.
   * A rejection is reported to `onError` and the work is started again after a bounded back-off.
   */
  readonly onPartition: (partition: OwnedPartition) => Promise<void>;
  readonly onError: (error: unknown, partition: number) => void;
  /** Called after each change of assignment with all partitions owned now, ascending. */
  readonly onAssigned?: (partitions: readonly number[]) => void;
}

export interface GroupConsumer {
  /** Partitions owned now, ascending. */
  readonly assigned: readonly number[];
  /** Lets every owner finish its commit (bounded), leaves the group, frees the partitions for others. */
  stop(): Promise<void>;
}

/**
 * One input partition while this process owns it. Not safe for two callers at once, with one exception:
 * `take` may run while a `commit` is in flight, so that the next batch is prepared meanwhile.
 */
export interface OwnedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Aborts when the partition is revoked or the consumer stops. */
  readonly lost: AbortSignal;
  /**
   * Ends every earlier owner: their open transaction is completed or aborted, and they can commit no more (KIP-98).
   * With `at-least-once` there is nothing to end and it returns at once.
   * @throws PARTITION_LOST
   */
  fence(): Promise<void>;
  /**
   * Reads the committed offset and seeks there; where none was ever committed, to `otherwise` (default: the earliest).
   * @returns that offset, and again wherever the last commit left it when it is called later.
   * @throws NOT_FENCED when called before `fence`; PARTITION_LOST
   */
  resume(otherwise?: ReadFrom): Promise<number>;
  /**
   * Records from the position on, in order, waiting at most `maxWaitMs` for the first one. Fewer than `maxRecords` may be kept
   * back within that time, to share a commit with those that come while the last one is under way.
   * `nextOffset` is where the position moved to: past control and aborted records too, so it may grow without records.
   * Returns an empty batch once the partition is lost.
   * @throws NOT_FENCED before `resume` or after a failed commit
   */
  take(options: TakeOptions): Promise<Taken>;
  /**
   * Outputs and offset, atomically (exactly-once), or outputs first and then the offset (at-least-once).
   * @throws FENCED when another owner has taken over, COMMIT_DOUBTFUL when the outcome is unknown, RECORD_TOO_LARGE
   *         (its context's `index` names the output), ACCESS_DENIED; after any of them: NOT_FENCED until `fence` and `resume`.
   */
  commit(work: { readonly outputs: readonly OutRecord[]; readonly nextOffset: number }): Promise<void>;
}

export interface TakeOptions {
  readonly maxRecords: number;
  /** Sum of key, value and header bytes; a single larger record still comes alone. */
  readonly maxBytes: number;
  readonly maxWaitMs: number;
  /** Ends the wait early, with what is there. */
  readonly wake?: AbortSignal;
}

export interface Taken {
  readonly records: readonly InRecord[];
  readonly nextOffset: number;
}

export interface ReadOptions extends FetchPace {
  readonly topic: string;
  /** Default: all. */
  readonly partitions?: readonly number[];
  /** Where to begin, for every partition or by partition. A number is an offset. */
  readonly from: ReadFrom | ReadonlyMap<number, ReadFrom>;
  /** `end`: stop at what was the end when the read began (the high watermark); `never`: follow until aborted. */
  readonly until: 'end' | 'never';
  readonly isolation?: 'read_committed' | 'read_uncommitted';
  readonly signal?: AbortSignal;
}

export type ReadFrom = 'earliest' | 'latest' | number | { readonly timestampMs: number };

export interface ReadBatch {
  readonly partition: number;
  readonly records: readonly InRecord[];
  /** Position after this batch. */
  readonly nextOffset: number;
  /** End of the partition as known with this batch: last stable offset, or high watermark when uncommitted. */
  readonly endOffset: number;
}

export interface BusAdmin {
  /** Creates what is missing and leaves what is there. @throws TOPIC_MISMATCH on another partition count. */
  createTopics(specs: readonly TopicSpec[]): Promise<void>;
  /**
   * Gives each topic, in this order, as many partitions as its spec says, where it has fewer. Consumer groups take them up by
   * themselves; readers that are under way go on without them. @throws TOPIC_UNKNOWN, TOPIC_MISMATCH when a topic has more.
   */
  addPartitions(specs: readonly TopicSpec[]): Promise<void>;
  /**
   * Aborts what the partition's owner left open and shuts it out until it fences anew. For an owner that fell silent: its
   * open transaction holds back the readers of everything that it wrote to. An owner that lives starts over and loses nothing.
   */
  fence(of: GroupPartition): Promise<void>;
  /** Partition count, or null when there is no such topic. */
  partitions(topic: string): Promise<number | null>;
  /** Names of all topics. */
  topics(): Promise<readonly string[]>;
  /**
   * `earliest` and `end` (the high watermark: control records count) of each partition, ascending, or of `partitions` only.
   * @throws TOPIC_UNKNOWN
   */
  offsets(topic: string, partitions?: readonly number[]): Promise<readonly PartitionOffsets[]>;
  /** Committed next offset of each partition, ascending; −1 where there is none. */
  committed(group: string, topic: string): Promise<readonly number[]>;
}

export interface PartitionOffsets {
  readonly partition: number;
  readonly earliest: number;
  readonly end: number;
}

/** What an implementation tells about its connection; each transition once, and a broker's defect once. */
export type BusNotice =
  | { readonly type: 'defect'; readonly detail: string }
  | { readonly type: 'outage'; readonly detail: string }
  | { readonly type: 'recovered'; readonly downMs: number };
