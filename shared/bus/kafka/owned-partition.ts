// Owned partition: one input partition while this process owns it, as the port's `OwnedPartition`.
// Flow: fence → resume → (take → commit)*; any failed commit leads back to fence.
// Invariants: nothing is taken before the committed offset was read behind a fence; a session that failed is not used
//             again; the partition's transactions have a connection of their own.

import { WOKEN } from '../../domain/clock.ts';
import { errorText, MillraceError } from '../../domain/errors.ts';
import { transactionalIdOf } from '../../domain/groups.ts';
import type { InRecord, OutRecord } from '../../domain/record.ts';
import type { Delivery } from '../../domain/route-plan.ts';
import type { OwnedPartition, ReadFrom, Taken, TakeOptions } from '../bus.ts';
import { asRefusal, brokerCode, CODE, denied } from './broker-errors.ts';
import type { ClusterView } from './cluster-view.ts';
import { type CommittedScope, commitOffset, committedOffsets } from './committed-offsets.ts';
import type { Connections } from './connections.ts';
import { budgetOf, Feed } from './feed.ts';
import type { Fetcher } from './fetcher.ts';
import { boundsOf } from './list-offsets.ts';
import type { Membership } from './membership.ts';
import { Pace } from './pace.ts';
import type { BatchLimits } from './produce.ts';
import { fenceTransactions, type TransactionalWriter, type TransactionScope } from './transaction.ts';
import { RecordWriter } from './writer.ts';

export interface PartitionOwner {
  readonly view: ClusterView;
  readonly membership: Membership;
  readonly fetcher: Fetcher;
  readonly limits: BatchLimits;
  readonly group: string;
  readonly topic: string;
  readonly delivery: Delivery;
  readonly onError: (error: unknown, partition: number) => void;
}

type Work = Parameters<OwnedPartition['commit']>[0];

/** Commits of one fenced session. */
interface Session {
  commit(work: Work): Promise<void>;
  resumed: boolean;
}

export class KafkaPartition implements OwnedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly lost: AbortSignal;
  private readonly owner: PartitionOwner;
  private readonly connections: Connections;
  private readonly feed: Feed;
  private readonly writer: RecordWriter | null;
  private readonly pace: Pace;
  private session: Session | null = null;
  private closed = false;

  constructor(owner: PartitionOwner, partition: number, lost: AbortSignal) {
    this.owner = owner;
    this.topic = owner.topic;
    this.partition = partition;
    this.lost = lost;
    const { view, limits, delivery } = owner;
    this.connections = view.open(view.settings.transactionTimeoutMs);
    this.writer = delivery === 'at-least-once' ? new RecordWriter(view, limits) : null;
    this.pace = new Pace(view.settings.clock, lost);
    this.feed = new Feed(owner.topic, partition);
    owner.fetcher.add(this.feed);
  }

  async fence(): Promise<void> {
    this.endSession();
    this.requireOwned();
    if (this.writer !== null) {
      const { writer } = this;
      this.session = { commit: (work) => this.commitInTurn(writer, work), resumed: false };
      return;
    }
    const scope = this.transactionScope();
    connectAll(scope);
    if (!(await this.owner.membership.confirm())) throw this.error('PARTITION_LOST');
    this.requireOwned();
    const writer = await fenceTransactions(scope, this.lost);
    if (writer === null || this.closed) throw this.error('PARTITION_LOST');
    this.session = { commit: (work) => this.commitTransaction(writer, work), resumed: false };
  }

  async resume(otherwise: ReadFrom = 'earliest'): Promise<number> {
    this.requireOwned();
    const { session } = this;
    if (session === null) throw this.error('NOT_FENCED');
    const offset = await this.startOffset(otherwise);
    if (this.session !== session) throw this.error('NOT_FENCED');
    this.feed.place(offset);
    session.resumed = true;
    return offset;
  }

  async take(options: TakeOptions): Promise<Taken> {
    const { session, feed } = this;
    const { fetcher } = this.owner;
    if (this.lost.aborted) return { records: [], nextOffset: feed.nextOffset };
    if (session === null || !session.resumed) throw this.error('NOT_FENCED');
    // Not before: an owner may read its topic in another way, and take nothing.
    if (!feed.active) fetcher.seek(feed, feed.nextOffset);
    const records: InRecord[] = [];
    const budget = budgetOf(options);
    const hadRoom = fetcher.hasRoom(feed);
    const drainIfDue = () => {
      if (this.pace.rested || feed.isCrowded(options.maxRecords)) feed.drain(budget, records);
      return records.length > 0;
    };
    if (!drainIfDue()) {
      if (options.maxWaitMs > 0) await this.awaitRecords(options, drainIfDue);
      // What is there when the wait is over is handed out whatever the pace.
      if (records.length === 0 && !this.lost.aborted) feed.drain(budget, records);
    }
    if (!hadRoom && fetcher.hasRoom(feed)) fetcher.wake();
    // A commit that failed meanwhile has ended the session: what was taken will be taken again.
    return { records: this.session === session ? records : [], nextOffset: feed.nextOffset };
  }

  async commit(work: Work): Promise<void> {
    const { session } = this;
    if (this.closed) throw this.error('PARTITION_LOST');
    if (session === null || !session.resumed) throw this.error('NOT_FENCED');
    try {
      await this.pace.during(session.commit(work));
    } catch (error) {
      if (this.session === session) this.endSession();
      throw error;
    }
  }

  /** The work has ended: nothing goes out any more. */
  close(): void {
    this.closed = true;
    this.endSession();
    this.owner.fetcher.remove(this.feed);
    this.writer?.close();
    this.connections.close();
  }

  /** Drains after every change until that gives a record, the time is up, or a signal ends the wait. */
  private awaitRecords(options: TakeOptions, drain: () => boolean): Promise<void> {
    const { feed, lost, pace } = this;
    const { clock } = this.owner.view.settings;
    const { epoch } = feed;
    const signals = options.wake === undefined ? [lost] : [lost, options.wake];
    return new Promise((resolve, reject) => {
      const over = new AbortController();
      const finish = () => {
        if (over.signal.aborted) return;
        feed.onChange = null;
        pace.onRested = null;
        for (const signal of signals) signal.removeEventListener('abort', finish);
        over.abort(WOKEN);
        resolve();
      };
      const look = () => {
        try {
          if (feed.epoch !== epoch || drain()) finish();
        } catch (error) {
          reject(error);
          finish();
        }
      };
      feed.onChange = look;
      pace.onRested = look;
      for (const signal of signals) signal.addEventListener('abort', finish, { once: true });
      if (signals.some((signal) => signal.aborted)) finish();
      else clock.sleep(options.maxWaitMs, over.signal).then(finish);
    });
  }

  /** The committed offset, else `otherwise`. One that is gone is reported, and the earliest taken. */
  private async startOffset(otherwise: ReadFrom): Promise<number> {
    const { partition, lost } = this;
    const { view, topic } = this.owner;
    const committed = await committedOffsets(this.committedScope(), [partition], lost);
    if (committed === null) throw this.error('PARTITION_LOST');
    const offset = committed.get(partition) ?? -1;
    const scope = { view, connections: this.connections, topic };
    const known = offset < 0 ? otherwise : 'earliest';
    const bounds = await boundsOf(scope, { partitions: [partition], from: known }, lost);
    const start = bounds.get(partition)?.start;
    if (start === undefined) throw this.error('PARTITION_LOST');
    if (offset < 0) return start;
    if (offset >= start) return offset;
    this.owner.onError(new MillraceError('OFFSET_LOST', { topic, partition, offset, earliest: start }), partition);
    return start;
  }

  private async commitTransaction(writer: TransactionalWriter, work: Work): Promise<void> {
    await writer.commit(work.outputs, work.nextOffset);
  }

  /** Outputs first, then the offset; the coordinator refuses the offset of one who is no longer a member. */
  private async commitInTurn(writer: RecordWriter, work: Work): Promise<void> {
    const { partition } = this;
    const { membership, view } = this.owner;
    const deadlineMs = view.settings.transactionTimeoutMs;
    const outputs: readonly OutRecord[] = work.outputs;
    try {
      if (outputs.length > 0) await writer.write(outputs, deadlineMs);
      const generation = () => membership.generation;
      await commitOffset(this.committedScope(), { partition, nextOffset: work.nextOffset, generation, deadlineMs });
    } catch (error) {
      if (error instanceof MillraceError && ['RECORD_TOO_LARGE', 'ACCESS_DENIED'].includes(error.code)) throw error;
      const code = brokerCode(error);
      if (denied(code)) throw asRefusal(error, 'OffsetCommit', { topic: this.topic, group: this.owner.group });
      const given = code === CODE.UNKNOWN_MEMBER_ID || code === CODE.ILLEGAL_GENERATION;
      throw this.error(given ? 'FENCED' : 'COMMIT_DOUBTFUL', errorText(error), error);
    }
  }

  private transactionScope(): TransactionScope {
    const { view, limits, group, topic } = this.owner;
    const { partition, connections } = this;
    const transactionalId = transactionalIdOf({ group, topic, partition });
    return { view, connections, limits, transactionalId, group, topic, partition };
  }

  private committedScope(): CommittedScope {
    const { view, group, topic } = this.owner;
    return { view, connections: this.connections, group, topic };
  }

  private endSession(): void {
    this.session = null;
    this.feed.reset();
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

/** A takeover asks up to three brokers, one after another: they are reached at once. Who fails here is told where it counts. */
function connectAll({ view, connections, transactionalId, group, topic, partition }: TransactionScope): void {
  const addresses = [view.coordinator('transaction', transactionalId), view.coordinator('group', group)];
  const leader = view.leader(topic, partition);
  if (leader !== null) addresses.push(Promise.resolve(leader));
  for (const address of addresses) address.then((known) => connections.to(known)).catch(() => undefined);
}
