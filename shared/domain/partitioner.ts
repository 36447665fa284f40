// Partitioner: which partition a keyed record belongs to, as Kafka's own clients decide it.
// Source: org.apache.kafka.common.utils.Utils.murmur2 and BuiltInPartitioner (Kafka Java client), seed 0x9747b28c.

import type { Bytes } from './record.ts';

const SEED = 0x9747b28c;
const MULTIPLIER = 0x5bd1e995;

/** Partition of `key`, 0..partitions−1: the same as Kafka's Java client gives. */
export function partitionFor(key: Bytes, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}

/** MurmurHash2, 32-bit, as Kafka computes it. @returns signed 32-bit */
export function murmur2(data: Bytes): number {
  const blocks = data.length & ~3;
  let hash = SEED ^ data.length;
  for (let i = 0; i < blocks; i += 4) {
    let word = at(data, i) | (at(data, i + 1) << 8) | (at(data, i + 2) << 16) | (at(data, i + 3) << 24);
    word = Math.imul(word, MULTIPLIER);
    word = Math.imul(word ^ (word >>> 24), MULTIPLIER);
    hash = Math.imul(hash, MULTIPLIER) ^ word;
  }
  if (data.length > blocks) {
    for (let i = data.length - 1; i >= blocks; i--) hash ^= at(data, i) << ((i - blocks) * 8);
    hash = Math.imul(hash, MULTIPLIER);
  }
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return hash ^ (hash >>> 15);
}

function at(data: Bytes, index: number): number {
  return data[index] ?? 0;
}
