// Fetch request (v11), without sessions: record sets come back as they are, undecoded.
// Why not kafkajs's: it decodes every record before anyone has asked for it.

import { AnswerCursor } from '../internals/answer-cursor.ts';
import type { WireRequest } from '../internals/client-types.ts';

export type Isolation = 'read_committed' | 'read_uncommitted';

export interface FetchPartition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Kafka error code, 0 when all is well. */
  readonly code: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly aborted: readonly { readonly producerId: number; readonly firstOffset: number }[];
  /** Whole record batches, the last one perhaps cut off. */
  readonly records: Buffer;
}

export interface FetchOptions {
  readonly isolation: Isolation;
  readonly maxWaitMs: number;
  readonly bytesMax: number;
  readonly partitionBytesMax: number;
  /** Asked for in this order; the broker fills the answer in the same order. */
  readonly partitions: readonly FetchPartition[];
}

const HEAD_BYTES = 29;
const PARTITION_BYTES = 28;

export function fetchRequest(options: FetchOptions): WireRequest<readonly FetchedPartition[]> {
  return {
    request: { apiKey: 1, apiVersion: 11, apiName: 'Fetch', encode: () => ({ buffer: encode(options) }) },
    response: {
      decode: async (payload) => ({ fetched: decode(payload), clientSideThrottleTime: payload.readInt32BE(0) }),
      parse: async ({ fetched }) => fetched,
    },
    requestTimeout: options.maxWaitMs,
  };
}

/** One topic entry per partition: a topic may be named more than once. */
function encode({ isolation, maxWaitMs, bytesMax, partitionBytesMax, partitions }: FetchOptions): Buffer {
  let size = HEAD_BYTES + 6;
  for (const { topic } of partitions) size += 6 + Buffer.byteLength(topic) + PARTITION_BYTES;
  const buffer = Buffer.allocUnsafe(size);
  buffer.writeInt32BE(-1, 0); // replica id of a consumer
  buffer.writeInt32BE(maxWaitMs, 4);
  buffer.writeInt32BE(1, 8); // least bytes
  buffer.writeInt32BE(bytesMax, 12);
  buffer.writeInt8(isolation === 'read_committed' ? 1 : 0, 16);
  buffer.writeInt32BE(0, 17); // no session
  buffer.writeInt32BE(-1, 21);
  buffer.writeInt32BE(partitions.length, 25);
  let at = HEAD_BYTES;
  for (const { topic, partition, offset } of partitions) {
    const length = buffer.write(topic, at + 2, 'utf8');
    buffer.writeInt16BE(length, at);
    at += 2 + length;
    buffer.writeInt32BE(1, at);
    buffer.writeInt32BE(partition, at + 4);
    buffer.writeInt32BE(-1, at + 8); // leader epoch unknown
    buffer.writeBigInt64BE(BigInt(offset), at + 12);
    buffer.writeBigInt64BE(-1n, at + 20); // log start: followers only
    buffer.writeInt32BE(partitionBytesMax, at + 28);
    at += 32;
  }
  buffer.writeInt32BE(0, at); // forgotten topics
  buffer.writeInt16BE(0, at + 4); // rack
  return buffer;
}

/** Least bytes of one partition's answer, of a topic's, and of one aborted transaction. */
const PARTITION_ANSWER_BYTES = 42;
const TOPIC_ANSWER_BYTES = 6;
const ABORTED_BYTES = 16;

function decode(payload: Buffer): FetchedPartition[] {
  const fetched: FetchedPartition[] = [];
  const cursor = new AnswerCursor(payload, 'Fetch');
  cursor.int32(); // throttle time
  const sessionCode = cursor.int16();
  cursor.int32(); // session
  cursor.each(TOPIC_ANSWER_BYTES, () => {
    const topic = cursor.text();
    cursor.each(PARTITION_ANSWER_BYTES, () => fetched.push(decodePartition(cursor, topic, sessionCode)));
  });
  return fetched;
}

function decodePartition(cursor: AnswerCursor, topic: string, sessionCode: number): FetchedPartition {
  const partition = cursor.int32();
  const code = cursor.int16() || sessionCode;
  const highWatermark = cursor.int64();
  const lastStableOffset = cursor.int64();
  cursor.int64(); // log start
  const aborted: { producerId: number; firstOffset: number }[] = [];
  cursor.each(ABORTED_BYTES, () => aborted.push({ producerId: cursor.int64(), firstOffset: cursor.int64() }));
  cursor.int32(); // preferred replica
  return { topic, partition, code, highWatermark, lastStableOffset, aborted, records: cursor.view() };
}
