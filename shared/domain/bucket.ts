// Bucket: which of 10000 slots a request falls into; shares are drawn from these slots.
// Invariant: pure; same salt and key → same bucket on every machine, for ever (test vectors).

import type { Bytes } from './record.ts';

/** Number of buckets: one per basis point. */
export const BUCKETS = 10_000;

/**
 * MurmurHash3 x86 32-bit. Source: Austin Appleby, smhasher, MurmurHash3_x86_32 (public domain).
 * @param seed unsigned 32-bit
 * @param length bytes of `data` that count
 * @returns unsigned 32-bit
 */
export function murmur3(data: Bytes, seed: number, length = data.length): number {
  const blocks = length & ~3;
  let hash = seed | 0;
  for (let i = 0; i < blocks; i += 4) {
    const word = at(data, i) | (at(data, i + 1) << 8) | (at(data, i + 2) << 16) | (at(data, i + 3) << 24);
    hash ^= mixWord(word);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let i = length - 1; i >= blocks; i--) tail = (tail << 8) | at(data, i);
  if (length > blocks) hash ^= mixWord(tail);
  hash ^= length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Seed of the bucket hash for a salt (a rollout's name). */
export function saltSeed(salt: string): number {
  return murmur3(new TextEncoder().encode(salt), 0);
}

/**
 * Bucket of a routing key (the record's key, else the request id).
 * @param seed from `saltSeed`
 * @returns 0..9999; the bias of the modulo is below 3e-6
 */
export function bucketOf(seed: number, routingKey: Bytes): number {
  return murmur3(routingKey, seed) % BUCKETS;
}

function mixWord(word: number): number {
  const mixed = Math.imul(word, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}

function at(data: Bytes, index: number): number {
  return data[index] ?? 0;
}
