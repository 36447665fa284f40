// Produce request (v7): encoded batches written straight into the request's buffer, one batch per partition.
// Why not kafkajs's: it copies every batch through four growing buffers, and throws away all but the first error.

import { AnswerCursor } from '../internals/answer-cursor.ts';
import type { WireRequest } from '../internals/client-types.ts';
import { type BatchHead, type BatchPlan, type BatchRecord, writeBatch } from '../internals/record-batch.ts';

export interface ProduceBatch {
  readonly topic: string;
  readonly partition: number;
  readonly plan: BatchPlan<BatchRecord>;
  readonly head: BatchHead;
}

export interface ProduceOptions {
  readonly transactionalId: string | null;
  /** How long the leader may wait for its followers, milliseconds. */
  readonly timeoutMs: number;
  readonly batches: readonly ProduceBatch[];
}

export interface ProducedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Kafka error code, 0 when written. */
  readonly code: number;
}

const ACKS_ALL = -1;

export function produceRequest(options: ProduceOptions): WireRequest<readonly ProducedPartition[]> {
  return {
    request: { apiKey: 0, apiVersion: 7, apiName: 'Produce', encode: () => ({ buffer: encode(options) }) },
    response: {
      decode: async (payload) => decode(payload),
      parse: async ({ produced }) => produced,
    },
  };
}

function encode({ transactionalId, timeoutMs, batches }: ProduceOptions): Buffer {
  const idBytes = transactionalId === null ? 0 : Buffer.byteLength(transactionalId);
  let size = 12 + idBytes;
  for (const { topic, plan } of batches) size += 14 + Buffer.byteLength(topic) + plan.bytes;
  const buffer = Buffer.allocUnsafe(size);
  buffer.writeInt16BE(transactionalId === null ? -1 : idBytes, 0);
  if (transactionalId !== null) buffer.write(transactionalId, 2, 'utf8');
  let at = 2 + idBytes;
  buffer.writeInt16BE(ACKS_ALL, at);
  buffer.writeInt32BE(timeoutMs, at + 2);
  buffer.writeInt32BE(batches.length, at + 6);
  at += 10;
  for (const { topic, partition, plan, head } of batches) {
    const length = buffer.write(topic, at + 2, 'utf8');
    buffer.writeInt16BE(length, at);
    at += 2 + length;
    buffer.writeInt32BE(1, at); // partitions of this topic entry
    buffer.writeInt32BE(partition, at + 4);
    buffer.writeInt32BE(plan.bytes, at + 8);
    at = writeBatch(buffer, at + 12, plan, head);
  }
  return buffer;
}

/** Least bytes of one partition's answer, and of a topic's. */
const PARTITION_ANSWER_BYTES = 30;
const TOPIC_ANSWER_BYTES = 6;

function decode(payload: Buffer): { readonly produced: readonly ProducedPartition[]; clientSideThrottleTime: number } {
  const produced: ProducedPartition[] = [];
  const cursor = new AnswerCursor(payload, 'Produce');
  cursor.each(TOPIC_ANSWER_BYTES, () => {
    const topic = cursor.text();
    cursor.each(PARTITION_ANSWER_BYTES, () => {
      produced.push({ topic, partition: cursor.int32(), code: cursor.int16() });
      for (let skipped = 0; skipped < 3; skipped++) cursor.int64(); // base offset, append time, log start
    });
  });
  return { produced, clientSideThrottleTime: cursor.int32() };
}
