// Transaction: the transactional writer of one input partition, from one fence to its first failure.
// Flow: owned-partition.ts fences, then commits batch after batch; after any error it throws this object away.
// Invariants: InitProducerId has ended every earlier owner before this object exists (KIP-98); outputs and offset become
//             visible together or not at all; after an error nothing is ever sent again for this object but one abort.

import { errorText, MillraceError } from '../../domain/errors.ts';
import type { OutRecord } from '../../domain/record.ts';
import {
  asRefusal,
  BrokerRefusal,
  brokerCode,
  CODE,
  coordinatorMoved,
  denied,
  fenced,
  tooLarge,
} from './broker-errors.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Connections, Wire } from './connections.ts';
import {
  type BatchLimits,
  type BatchOutcome,
  type PartitionBatches,
  planPartitions,
  sendBatches,
  sequenceAfter,
} from './produce.ts';
import type { ProduceBatch } from './requests/produce.ts';

/** Waits between two tries while the last transaction completes. */
const CONCURRENT_RETRY_MS_MIN = 2;
const CONCURRENT_RETRY_MS_MAX = 5;
/** How long a failed commit waits for its abort to be answered. */
const ABORT_WAIT_MS = 1_000;

export interface TransactionScope {
  readonly view: ClusterView;
  /** Used by this partition's transactions only. */
  readonly connections: Connections;
  readonly limits: BatchLimits;
  readonly transactionalId: string;
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
}

interface TopicPartitions {
  readonly topic: string;
  readonly partitions: readonly number[];
}

interface ProducerIdentity {
  /** Decimal int64. */
  readonly producerId: string;
  readonly producerEpoch: number;
}

/** Ends every earlier owner of the transactional id and gives the writer of the new one, or null as `initProducer` does. */
export async function fenceTransactions(
  scope: TransactionScope,
  signal: AbortSignal,
): Promise<TransactionalWriter | null> {
  const identity = await initProducer(scope, signal);
  return identity === null ? null : new TransactionalWriter(scope, identity);
}

/**
 * Ends every earlier owner of the transactional id: InitProducerId.
 * Waits until their open transaction is completed or aborted, through outages, until `signal` aborts (then null).
 * @throws BROKER_REFUSED, ACCESS_DENIED when waiting cannot help
 */
export async function initProducer(
  { view, connections, transactionalId }: Pick<TransactionScope, 'view' | 'connections' | 'transactionalId'>,
  signal: AbortSignal,
): Promise<ProducerIdentity | null> {
  for (let failures = 1; !signal.aborted; failures++) {
    let address: string | null = null;
    try {
      address = await view.coordinator('transaction', transactionalId);
      const { broker } = await connections.to(address);
      const transactionTimeout = view.settings.transactionTimeoutMs;
      return await broker.initProducerId({ transactionalId, transactionTimeout });
    } catch (error) {
      const code = brokerCode(error);
      if (code === CODE.CONCURRENT_TRANSACTIONS) {
        await view.settings.clock.sleep(CONCURRENT_RETRY_MS_MAX * Math.min(failures, 4), signal);
        continue;
      }
      view.forgetCoordinator('transaction', transactionalId);
      if (code !== null && !coordinatorMoved(code) && !fenced(code)) {
        throw asRefusal(error, 'InitProducerId', { transactionalId });
      }
      if (code === null && address !== null) connections.drop(address);
      await view.recover(error, failures, signal);
    }
  }
  return null;
}

export class TransactionalWriter {
  private readonly scope: TransactionScope;
  private readonly identity: ProducerIdentity;
  private readonly id: ProducerIdentity & { readonly transactionalId: string };
  private readonly sequences = new Map<string, number>();
  private discarded = false;

  constructor(scope: TransactionScope, identity: ProducerIdentity) {
    this.scope = scope;
    this.identity = identity;
    this.id = { transactionalId: scope.transactionalId, ...identity };
  }

  /**
   * Outputs and the input offset in one transaction.
   * @throws FENCED, RECORD_TOO_LARGE (`index` names the output), TOPIC_UNKNOWN, ACCESS_DENIED, COMMIT_DOUBTFUL;
   *         after any of them this object is used up
   */
  async commit(outputs: readonly OutRecord[], nextOffset: number): Promise<void> {
    if (this.discarded) throw this.doubtful('the writer was used after an error');
    this.discarded = true;
    const partitions = planPartitions(outputs, this.scope.limits);
    for (const { topic } of partitions) await this.scope.view.track(topic);
    const coordinator = await this.coordinator();
    await this.step(coordinator, [this.addPartitions(coordinator, partitions), this.addOffsets(coordinator)]);
    const produced = this.produce(partitions, outputs);
    await this.step(coordinator, [produced, this.commitOffset(nextOffset)]);
    try {
      await coordinator.broker.endTxn({ ...this.id, transactionResult: true });
    } catch (error) {
      throw this.failure(error, 'the end of the transaction was not acknowledged');
    }
    this.discarded = false;
  }

  private async coordinator(): Promise<Wire> {
    const { view, connections, transactionalId } = this.scope;
    try {
      return await connections.to(await view.coordinator('transaction', transactionalId));
    } catch (error) {
      throw this.failure(error, 'no coordinator');
    }
  }

  /** Waits for all requests of a step; after a failure aborts as well as it can, and throws the most telling error. */
  private async step(coordinator: Wire, requests: readonly Promise<unknown>[]): Promise<void> {
    const settled = await Promise.allSettled(requests);
    const errors = settled.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    if (errors.length === 0) return;
    const failures = errors.map((error) => this.failure(error, 'before the end of the transaction'));
    const [told] = MOST_TELLING.flatMap((code) => failures.filter((failure) => failure.code === code));
    if (told?.code !== 'FENCED') await this.abort(coordinator);
    throw told ?? failures[0] ?? this.doubtful('unknown');
  }

  /** Frees readers from the open transaction. Its outcome does not matter: the next fence aborts what is left. */
  private async abort(coordinator: Wire): Promise<void> {
    const aborted = coordinator.broker.endTxn({ ...this.id, transactionResult: false }).catch(() => undefined);
    await Promise.race([aborted, this.scope.view.settings.clock.sleep(ABORT_WAIT_MS)]);
  }

  private async addPartitions(coordinator: Wire, partitions: readonly PartitionBatches[]): Promise<void> {
    if (partitions.length === 0) return;
    const byTopic = new Map<string, number[]>();
    for (const { topic, partition } of partitions) byTopic.set(topic, [...(byTopic.get(topic) ?? []), partition]);
    const topics = [...byTopic].map(([topic, of]) => ({ topic, partitions: of }));
    try {
      await this.whenLastCompleted(() => coordinator.broker.addPartitionsToTxn({ ...this.id, topics }));
    } catch (error) {
      throw (await this.deniedTopic(coordinator, { topics, error })) ?? error;
    }
  }

  /** All partitions are added or none, and kafkajs tells one code of many: asks again, topic by topic, which one is denied. */
  private async deniedTopic(
    { broker }: Wire,
    { topics, error }: { readonly topics: readonly TopicPartitions[]; readonly error: unknown },
  ): Promise<BrokerRefusal | null> {
    const code = brokerCode(error);
    if (code !== CODE.TOPIC_AUTHORIZATION_FAILED && code !== CODE.OPERATION_NOT_ATTEMPTED) return null;
    for (const each of topics) {
      const answered = await broker.addPartitionsToTxn({ ...this.id, topics: [each] }).catch(brokerCode);
      if (answered !== CODE.TOPIC_AUTHORIZATION_FAILED) continue;
      return new BrokerRefusal(answered, 'AddPartitionsToTxn', { topic: each.topic });
    }
    return null;
  }

  private addOffsets(coordinator: Wire): Promise<void> {
    const groupId = this.scope.group;
    return this.whenLastCompleted(() => coordinator.broker.addOffsetsToTxn({ ...this.id, groupId }));
  }

  /** The coordinator may still be writing the markers of the transaction before. */
  private async whenLastCompleted(request: () => Promise<unknown>): Promise<void> {
    const { clock, transactionTimeoutMs } = this.scope.view.settings;
    let waitMs = CONCURRENT_RETRY_MS_MIN;
    for (let waitedMs = 0; ; waitedMs += waitMs) {
      try {
        await request();
        return;
      } catch (error) {
        if (brokerCode(error) !== CODE.CONCURRENT_TRANSACTIONS || waitedMs >= transactionTimeoutMs) throw error;
      }
      await clock.sleep(waitMs);
      waitMs = Math.min(waitMs + 1, CONCURRENT_RETRY_MS_MAX);
    }
  }

  private async produce(partitions: readonly PartitionBatches[], outputs: readonly OutRecord[]): Promise<void> {
    if (partitions.length === 0) return;
    const { view, connections, transactionalId, limits } = this.scope;
    const timeoutMs = view.settings.transactionTimeoutMs;
    const batches = this.batches(partitions);
    const outcomes = await sendBatches(batches, { view, connections, transactionalId, timeoutMs });
    const refused = outcomes.find((outcome) => tooLarge(outcome.code));
    if (refused !== undefined) throw this.tooLarge(refused, outputs, limits);
    for (const { code, batch } of outcomes) {
      if (fenced(code)) throw this.fencedError(code);
      if (denied(code)) throw new BrokerRefusal(code, 'Produce', { topic: batch.topic, transactionalId });
    }
    const failed = outcomes.find((outcome) => outcome.code !== 0);
    if (failed !== undefined) {
      // The owner starts over from the fence; by then the leaders are known again.
      view.refresh().catch(() => undefined);
      throw this.doubtful(failed.code === null ? errorText(failed.error) : `produce: Kafka error ${failed.code}`);
    }
  }

  private batches(partitions: readonly PartitionBatches[]): ProduceBatch[] {
    const timestampMs = this.scope.view.settings.clock.nowMs();
    const producerId = BigInt(this.identity.producerId);
    const { producerEpoch } = this.identity;
    return partitions.flatMap(({ topic, partition, plans }) => {
      const place = `${topic} ${partition}`;
      let sequence = this.sequences.get(place) ?? 0;
      const batches = plans.map((plan) => {
        const firstSequence = sequence;
        sequence = sequenceAfter(sequence, plan.records.length);
        const head = { timestampMs, producerId, producerEpoch, firstSequence, transactional: true };
        return { topic, partition, plan, head };
      });
      this.sequences.set(place, sequence);
      return batches;
    });
  }

  private async commitOffset(nextOffset: number): Promise<void> {
    const { view, connections, group, topic, partition } = this.scope;
    const address = await view.coordinator('group', group);
    const { broker } = await connections.to(address);
    const topics = [{ topic, partitions: [{ partition, offset: String(nextOffset) }] }];
    try {
      await broker.txnOffsetCommit({ ...this.id, groupId: group, topics });
    } catch (error) {
      view.forgetCoordinator('group', group);
      throw error;
    }
  }

  /** A single record that is too large is the caller's; a batch of several is ours, and will be smaller next time. */
  private tooLarge(outcome: BatchOutcome, outputs: readonly OutRecord[], limits: BatchLimits): MillraceError {
    const { topic, partition, plan } = outcome.batch;
    if (plan.records.length > 1) {
      limits.refused(topic, plan.bytes);
      return this.doubtful(`a batch of ${plan.bytes} bytes is too large for ${topic}; the next will be smaller`);
    }
    const index = outputs.findIndex((output) => plan.records.includes(output));
    return new MillraceError('RECORD_TOO_LARGE', { topic, partition, index, bytes: plan.bytes });
  }

  /** Sorts an error into those that `commit` throws. */
  private failure(error: unknown, when: string): MillraceError {
    if (error instanceof MillraceError && FAILURES.has(error.code)) return error;
    const code = brokerCode(error);
    if (fenced(code)) return this.fencedError(code);
    const { view, connections, transactionalId, group, topic } = this.scope;
    if (denied(code)) return new BrokerRefusal(code, 'a transaction', { topic, group, transactionalId });
    view.forgetCoordinator('transaction', transactionalId);
    // An answer may still be on its way on any of them.
    if (code === null) connections.dropAll();
    return this.doubtful(`${when}: ${errorText(error)}`, error);
  }

  private fencedError(code: number | null): MillraceError {
    return new MillraceError('FENCED', { topic: this.scope.topic, partition: this.scope.partition, brokerCode: code });
  }

  private doubtful(detail: string, cause?: unknown): MillraceError {
    const { topic, partition } = this.scope;
    return new MillraceError('COMMIT_DOUBTFUL', { topic, partition, detail }, cause);
  }
}

const MOST_TELLING = ['FENCED', 'RECORD_TOO_LARGE', 'ACCESS_DENIED'] as const;
const FAILURES: ReadonlySet<string> = new Set([...MOST_TELLING, 'COMMIT_DOUBTFUL']);
