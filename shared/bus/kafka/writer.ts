// Writer: records written outside any consumer loop, at least once and in order per partition.
// Flow: callers → one queue → one batch per partition and round → leaders; callers that come meanwhile share the next round.
// Invariants: one round in flight, so order holds through retries; a batch is retried with its sequence numbers, so that
//             the broker drops what it has already (idempotence); no call waits longer than its deadline.

import { errorText, MillraceError } from '../../domain/errors.ts';
import type { OutRecord } from '../../domain/record.ts';
import { backoffMs } from './backoff.ts';
import { BrokerRefusal, brokerCode, CODE, denied, leaderMoved, tooLarge, transient } from './broker-errors.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Connections } from './connections.ts';
import { planBatches } from './internals/record-batch.ts';
import { type BatchLimits, type BatchOutcome, sendBatches, sequenceAfter } from './produce.ts';
import type { ProduceBatch } from './requests/produce.ts';

/** Records of one partition that go out in one round. */
const ROUND_RECORDS_MAX = 10_000;
const REQUEST_TIMEOUT_MS = 10_000;
const IDENTITY_CODES: ReadonlySet<number> = new Set([
  CODE.OUT_OF_ORDER_SEQUENCE_NUMBER,
  CODE.UNKNOWN_PRODUCER_ID,
  CODE.INVALID_PRODUCER_EPOCH,
  CODE.INVALID_PRODUCER_ID_MAPPING,
]);
const OF_ONE_TOPIC: ReadonlySet<string> = new Set(['TOPIC_UNKNOWN', 'ACCESS_DENIED']);

interface Call {
  left: number;
  readonly untilMs: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  failed: boolean;
}

interface Queued {
  readonly record: OutRecord;
  readonly call: Call;
}

interface PartitionQueue {
  readonly topic: string;
  readonly partition: number;
  readonly waiting: Queued[];
  /** Sent and not acknowledged: sent again as it is. */
  inFlight: { readonly queued: readonly Queued[]; readonly batch: ProduceBatch } | null;
  sequence: number;
}

interface Identity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

export class RecordWriter {
  private readonly view: ClusterView;
  private readonly limits: BatchLimits;
  private readonly connections: Connections;
  private readonly closing = new AbortController();
  private readonly queues = new Map<string, PartitionQueue>();
  private identity: Identity | null = null;
  private running = false;
  /** No call is due before; infinite when there is none. */
  private nextDeadlineMs = Number.POSITIVE_INFINITY;

  /** @param connections used by this writer only */
  constructor(view: ClusterView, limits: BatchLimits, connections?: Connections) {
    this.view = view;
    this.limits = limits;
    this.connections = connections ?? view.open(REQUEST_TIMEOUT_MS);
  }

  /**
   * Resolves when all in-sync replicas have every record.
   * @throws WRITE_FAILED after the deadline; RECORD_TOO_LARGE, TOPIC_UNKNOWN, ACCESS_DENIED; some records may have been written
   */
  async write(records: readonly OutRecord[], deadlineMs: number): Promise<void> {
    const [first] = records;
    if (first === undefined) return;
    if (this.closing.signal.aborted) throw closed(first.topic);
    const untilMs = this.view.settings.clock.nowMs() + deadlineMs;
    await new Promise<void>((resolve, reject) => {
      const call: Call = { left: records.length, untilMs, resolve, reject, failed: false };
      for (const record of records) this.queueOf(record).waiting.push({ record, call });
      this.nextDeadlineMs = Math.min(this.nextDeadlineMs, untilMs);
      this.run();
    });
  }

  close(): void {
    this.closing.abort();
    this.connections.close();
    for (const queue of this.queues.values()) {
      for (const { call } of [...(queue.inFlight?.queued ?? []), ...queue.waiting]) fail(call, closed(queue.topic));
    }
    this.queues.clear();
  }

  private queueOf({ topic, partition }: OutRecord): PartitionQueue {
    const place = `${topic} ${partition}`;
    let queue = this.queues.get(place);
    if (queue === undefined) {
      queue = { topic, partition, waiting: [], inFlight: null, sequence: 0 };
      this.queues.set(place, queue);
    }
    return queue;
  }

  /** Rounds until nothing is queued. Never rejects. */
  private async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    // Callers of the same turn share the first round.
    await Promise.resolve();
    for (let failures = 0; !this.closing.signal.aborted; ) {
      this.expire('no answer from a broker');
      const queues = [...this.queues.values()].filter((queue) => queue.inFlight !== null || queue.waiting.length > 0);
      if (queues.length === 0) break;
      const problem = await this.round(queues);
      failures = problem === null ? 0 : failures + 1;
      if (problem === null) continue;
      this.expire(errorText(problem));
      await this.beforeRetry(problem, failures);
    }
    this.running = false;
  }

  /** Waits no longer than the first deadline. */
  private async beforeRetry(problem: unknown, failures: number): Promise<void> {
    const { clock } = this.view.settings;
    const untilMs = this.nextDeadlineMs;
    if (!Number.isFinite(untilMs)) return;
    const enough = new AbortController();
    const recovered = this.view.recover(problem, failures, enough.signal);
    const waited = clock.sleep(Math.max(untilMs - clock.nowMs(), 0) + 1, enough.signal);
    await Promise.race([recovered, waited]);
    enough.abort();
    await clock.sleep(backoffMs(1), this.closing.signal);
  }

  /** @returns null, or why some of it must be tried again */
  private async round(queues: readonly PartitionQueue[]): Promise<unknown> {
    try {
      for (const topic of new Set(queues.map((queue) => queue.topic))) await this.known(topic);
      this.identity ??= await this.identify();
    } catch (error) {
      const code = brokerCode(error);
      if (!denied(code)) return error;
      for (const queue of queues) this.refuse(queue, new BrokerRefusal(code, 'InitProducerId', { topic: queue.topic }));
      return null;
    }
    const live = queues.filter((queue) => queue.inFlight !== null || queue.waiting.length > 0);
    const sent = new Map(live.map((queue) => [this.prepare(queue, this.identity), queue]));
    const timeoutMs = REQUEST_TIMEOUT_MS;
    const { view, connections } = this;
    const outcomes = await sendBatches([...sent.keys()], { view, connections, transactionalId: null, timeoutMs });
    let problem: unknown = null;
    for (const outcome of outcomes) {
      const queue = sent.get(outcome.batch);
      if (queue !== undefined) problem = this.settle(queue, outcome) ?? problem;
    }
    return problem;
  }

  /** A topic that is unknown or denied fails its own calls only. */
  private async known(topic: string): Promise<void> {
    try {
      await this.view.track(topic);
    } catch (error) {
      if (!(error instanceof MillraceError) || !OF_ONE_TOPIC.has(error.code)) throw error;
      for (const queue of this.queues.values()) if (queue.topic === topic) this.refuse(queue, error);
    }
  }

  private async identify(): Promise<Identity> {
    await this.view.refresh();
    const { broker } = await this.connections.to(await this.view.anyAddress());
    const { producerId, producerEpoch } = await broker.initProducerId({
      transactionalId: null,
      transactionTimeout: this.view.settings.transactionTimeoutMs,
    });
    for (const queue of this.queues.values()) {
      queue.sequence = 0;
      this.requeue(queue);
    }
    return { producerId: BigInt(producerId), producerEpoch };
  }

  private prepare(queue: PartitionQueue, identity: Identity | null): ProduceBatch {
    if (queue.inFlight !== null) return queue.inFlight.batch;
    const { topic, partition } = queue;
    const [plan] = planBatches(candidates(queue, this.limits.of(topic)), this.limits.of(topic));
    if (plan === undefined) throw new MillraceError('ASSERTION', { detail: 'a batch without records' });
    const batch: ProduceBatch = {
      topic,
      partition,
      plan,
      head: {
        timestampMs: this.view.settings.clock.nowMs(),
        producerId: identity?.producerId ?? -1n,
        producerEpoch: identity?.producerEpoch ?? -1,
        firstSequence: queue.sequence,
        transactional: false,
      },
    };
    queue.inFlight = { queued: queue.waiting.splice(0, plan.records.length), batch };
    return batch;
  }

  /** @returns null, or why the batch must be sent again */
  private settle(queue: PartitionQueue, { batch, code, error }: BatchOutcome): unknown {
    const { inFlight } = queue;
    if (inFlight === null || inFlight.batch !== batch) return null;
    if (code === 0 || code === CODE.DUPLICATE_SEQUENCE_NUMBER) {
      queue.sequence = sequenceAfter(queue.sequence, inFlight.queued.length);
      queue.inFlight = null;
      for (const { call } of inFlight.queued) succeed(call);
      return null;
    }
    if (tooLarge(code)) {
      this.tooLarge(queue, batch);
      return null;
    }
    if (code !== null && IDENTITY_CODES.has(code)) {
      this.identity = null;
      return this.written(queue, `Kafka error ${code}`);
    }
    if (code === null) return error;
    if (leaderMoved(code) || transient(code)) return codeError(code);
    if (denied(code)) {
      this.refuse(queue, new BrokerRefusal(code, 'Produce', { topic: queue.topic }));
      return null;
    }
    this.refuse(queue, this.written(queue, `Kafka error ${code}`));
    return null;
  }

  /** Refused, so its sequence numbers are free: a batch of several is split, a single record is its caller's. */
  private tooLarge(queue: PartitionQueue, { topic, partition, plan }: ProduceBatch): void {
    if (plan.records.length > 1) {
      this.limits.refused(topic, plan.bytes);
      this.requeue(queue);
      return;
    }
    const [queued] = queue.inFlight?.queued ?? [];
    queue.inFlight = null;
    if (queued !== undefined) {
      fail(queued.call, new MillraceError('RECORD_TOO_LARGE', { topic, partition, bytes: plan.bytes }));
    }
  }

  /** Everything queued for the partition fails. */
  private refuse(queue: PartitionQueue, error: MillraceError): void {
    this.requeue(queue);
    for (const { call } of queue.waiting.splice(0)) fail(call, error);
  }

  private requeue(queue: PartitionQueue): void {
    if (queue.inFlight === null) return;
    queue.waiting.unshift(...queue.inFlight.queued);
    queue.inFlight = null;
  }

  /** Fails the calls whose time is up and forgets their records. */
  private expire(detail: string): void {
    const nowMs = this.view.settings.clock.nowMs();
    if (nowMs < this.nextDeadlineMs) return;
    const late = (queued: Queued) => queued.call.failed || queued.call.untilMs <= nowMs;
    this.nextDeadlineMs = Number.POSITIVE_INFINITY;
    for (const queue of this.queues.values()) {
      const all = [...(queue.inFlight?.queued ?? []), ...queue.waiting];
      for (const queued of all) {
        if (!late(queued)) this.nextDeadlineMs = Math.min(this.nextDeadlineMs, queued.call.untilMs);
      }
      if (!all.some(late)) continue;
      // What was sent may have been written: its sequence numbers cannot be used for anything else.
      if (queue.inFlight?.queued.some(late)) this.identity = null;
      this.requeue(queue);
      const kept = queue.waiting.splice(0).filter((queued) => !late(queued));
      queue.waiting.push(...kept);
      for (const queued of all) if (late(queued)) fail(queued.call, this.written(queue, detail));
    }
  }

  private written({ topic }: PartitionQueue, detail: string): MillraceError {
    return new MillraceError('WRITE_FAILED', { topic, detail });
  }
}

/** The first records that are waiting: enough for a batch, and not many more. */
function candidates({ waiting }: PartitionQueue, bytesMax: number): OutRecord[] {
  const records: OutRecord[] = [];
  let bytes = 0;
  for (const { record } of waiting) {
    if (records.length >= ROUND_RECORDS_MAX || bytes >= bytesMax) break;
    records.push(record);
    bytes += record.value?.length ?? 0;
  }
  return records;
}

function closed(topic: string): MillraceError {
  return new MillraceError('WRITE_FAILED', { topic, detail: 'the bus is closed' });
}

function succeed(call: Call): void {
  call.left--;
  if (call.left === 0 && !call.failed) call.resolve();
}

/** Records of a failed call that still wait go out with the rest: some of the call may be written (see the port). */
function fail(call: Call, error: unknown): void {
  if (call.failed) return;
  call.failed = true;
  call.reject(error);
}

/** Something that `recover` understands. */
function codeError(code: number): unknown {
  const error = { code };
  return brokerCode(error) === code ? error : null;
}
