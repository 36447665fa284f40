// Fingerprint: bytes as one number, for what is only compared for equality and would fill the memory by itself.

import { murmur3 } from '../domain/bucket.ts';
import type { Bytes } from '../domain/record.ts';

const SECOND_SEED = 0x9747b28c;

/** Two 32-bit hashes make one of 53 bits: among 262144 values two are equal once in 260,000 audits. */
export function fingerprint(bytes: Bytes): number {
  return murmur3(bytes, 0) * 2 ** 21 + (murmur3(bytes, SECOND_SEED) & 0x1f_ffff);
}
