// Fetch request (v11), without sessions: record sets come back as they are, undecoded.
// Why not kafkajs's: it decodes every record before anyone has asked for it.

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
      decode: async (payload) => ({ clientSideThrottleTime: payload.readInt32BE(0), fetched: decode(payload) }),
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

function decode(payload: Buffer): FetchedPartition[] {
  const fetched: FetchedPartition[] = [];
  const sessionCode = payload.readInt16BE(4);
  let at = 10;
  const topics = payload.readInt32BE(at);
  at += 4;
  for (let t = 0; t < topics; t++) {
    const nameBytes = payload.readInt16BE(at);
    const topic = payload.toString('utf8', at + 2, at + 2 + nameBytes);
    at += 2 + nameBytes;
    const partitions = payload.readInt32BE(at);
    at += 4;
    for (let p = 0; p < partitions; p++) at = decodePartition({ payload, at, topic, sessionCode }, fetched);
  }
  return fetched;
}

interface PartitionPlace {
  readonly payload: Buffer;
  readonly at: number;
  readonly topic: string;
  readonly sessionCode: number;
}

function decodePartition(place: PartitionPlace, fetched: FetchedPartition[]): number {
  const { payload, topic, sessionCode } = place;
  let { at } = place;
  const partition = payload.readInt32BE(at);
  const code = payload.readInt16BE(at + 4) || sessionCode;
  const highWatermark = int64(payload, at + 6);
  const lastStableOffset = int64(payload, at + 14);
  const abortedCount = payload.readInt32BE(at + 30);
  at += 34;
  const aborted: { producerId: number; firstOffset: number }[] = [];
  for (let i = 0; i < abortedCount; i++, at += 16) {
    aborted.push({ producerId: int64(payload, at), firstOffset: int64(payload, at + 8) });
  }
  const bytes = Math.max(payload.readInt32BE(at + 4), 0); // preferred replica before it
  at += 8;
  const records = payload.subarray(at, at + bytes);
  fetched.push({ topic, partition, code, highWatermark, lastStableOffset, aborted, records });
  return at + bytes;
}

function int64(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at) * 4_294_967_296 + buffer.readUInt32BE(at + 4);
}
