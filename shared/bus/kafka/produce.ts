// Produce: batches to their leaders, all partitions of one leader in one request.
// Flow: transaction.ts and writer.ts plan batches and sequences; this sends them and says what became of each.
// Invariants: batches of one partition go out in order on one connection; a request stays below its limit.

import type { OutRecord } from '../../domain/record.ts';
import { CODE } from './broker-errors.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Connections } from './connections.ts';
import { groupByPartition } from './internals/group-by-partition.ts';
import { type BatchPlan, planBatches } from './internals/record-batch.ts';
import { type ProduceBatch, produceRequest } from './requests/produce.ts';

/** Least `max.message.bytes` that topics have by default, with room for what Kafka counts and we do not. */
export const BATCH_BYTES_MAX = 1_000_000;
/** Bytes of batches in one request; brokers refuse 100 MiB. A single larger batch goes alone. */
const REQUEST_BYTES_MAX = 8 * 1_048_576;
/** Requests in flight per leader: how many batches per producer a broker can still tell apart (KIP-98). */
const IN_FLIGHT_MAX = 5;

/** Batches of one partition, in order. */
export interface PartitionBatches {
  readonly topic: string;
  readonly partition: number;
  readonly plans: readonly BatchPlan<OutRecord>[];
}

/** What became of one batch. `code` null: no answer, `error` says why. */
export interface BatchOutcome {
  readonly batch: ProduceBatch;
  readonly code: number | null;
  readonly error: unknown;
}

/** How large batches of a topic may be. Lowered when a broker refuses a batch of several records as too large. */
export class BatchLimits {
  private readonly limits = new Map<string, number>();

  of(topic: string): number {
    return this.limits.get(topic) ?? BATCH_BYTES_MAX;
  }

  /** A batch of `bytes` with several records was refused. */
  refused(topic: string, bytes: number): void {
    this.limits.set(topic, Math.min(this.of(topic), Math.ceil(bytes / 2)));
  }
}

export function planPartitions(records: readonly OutRecord[], limits: BatchLimits): PartitionBatches[] {
  return groupByPartition(records).map(({ topic, partition, records: of }) => ({
    topic,
    partition,
    plans: planBatches(of, limits.of(topic)),
  }));
}

interface SendOptions {
  readonly view: ClusterView;
  readonly connections: Connections;
  readonly transactionalId: string | null;
  readonly timeoutMs: number;
}

/** Sends all batches; resolves when each has an outcome. Never rejects. The topics are tracked. */
export async function sendBatches(batches: readonly ProduceBatch[], options: SendOptions): Promise<BatchOutcome[]> {
  const byLeader = new Map<string, ProduceBatch[]>();
  const outcomes: BatchOutcome[] = [];
  for (const batch of batches) {
    const leader = options.view.leader(batch.topic, batch.partition);
    if (leader === null) outcomes.push({ batch, code: CODE.LEADER_NOT_AVAILABLE, error: null });
    else byLeader.set(leader, [...(byLeader.get(leader) ?? []), batch]);
  }
  const sent = [...byLeader].map(([leader, of]) => sendToLeader(leader, of, options));
  return outcomes.concat(...(await Promise.all(sent)));
}

async function sendToLeader(
  leader: string,
  batches: readonly ProduceBatch[],
  options: SendOptions,
): Promise<BatchOutcome[]> {
  const requests = requestsOf(batches);
  const outcomes: BatchOutcome[] = [];
  for (let first = 0; first < requests.length; first += IN_FLIGHT_MAX) {
    const wave = requests.slice(first, first + IN_FLIGHT_MAX).map((request) => sendOne(leader, request, options));
    outcomes.push(...(await Promise.all(wave)).flat());
  }
  return outcomes;
}

async function sendOne(
  leader: string,
  batches: readonly ProduceBatch[],
  { connections, transactionalId, timeoutMs }: SendOptions,
): Promise<BatchOutcome[]> {
  try {
    const wire = await connections.to(leader);
    const produced = await wire.send(produceRequest({ transactionalId, timeoutMs, batches }));
    return batches.map((batch) => {
      const found = produced.find((entry) => entry.topic === batch.topic && entry.partition === batch.partition);
      return { batch, code: found?.code ?? CODE.UNKNOWN_TOPIC_OR_PARTITION, error: null };
    });
  } catch (error) {
    connections.drop(leader);
    return batches.map((batch) => ({ batch, code: null, error }));
  }
}

/** Splits into requests: one batch per partition each (the protocol's rule), and not too many bytes. */
function requestsOf(batches: readonly ProduceBatch[]): ProduceBatch[][] {
  const requests: { readonly batches: ProduceBatch[]; bytes: number }[] = [];
  const nextRequest = new Map<string, number>();
  for (const batch of batches) {
    const place = `${batch.topic} ${batch.partition}`;
    let index = nextRequest.get(place) ?? 0;
    let request = requests[index];
    while (request !== undefined && request.bytes + batch.plan.bytes > REQUEST_BYTES_MAX) request = requests[++index];
    if (request === undefined) {
      request = { batches: [], bytes: 0 };
      requests.push(request);
    }
    request.batches.push(batch);
    request.bytes += batch.plan.bytes;
    nextRequest.set(place, index + 1);
  }
  return requests.map((request) => request.batches);
}

const SEQUENCE_MAX = 2_147_483_647;

/** Sequence number behind `count` records from `sequence` on; wraps to 0 as Kafka's do. */
export function sequenceAfter(sequence: number, count: number): number {
  return sequence > SEQUENCE_MAX - count ? count - (SEQUENCE_MAX - sequence) - 1 : sequence + count;
}
