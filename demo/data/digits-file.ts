// DigitsFile: the bytes of `digits.bin.gz`: magic, count, one label per digit, 784 pixels per digit; then gzip.
// Flow: train/import-digits.ts writes it once, digits.ts reads it. Invariant: equal digits give equal bytes on every
// machine with the same zlib: no time, name or operating system is in the gzip header.

import { constants, gunzipSync, gzipSync } from 'node:zlib';
import { assert } from '../../shared/domain/errors.ts';

/** Pixels of one digit: 28 rows of 28. */
export const DIGIT_PIXELS = 784;
export const DIGIT_CLASSES = 10;

const MAGIC = 'MRD1';
const HEADER_BYTES = 8;
/** The cap of what is decoded: MNIST itself has 70,000 digits. */
const DIGITS_MAX = 70_000;
/** Byte 9 of a gzip stream names the operating system (RFC 1952 §2.3); 255 is "unknown". */
const GZIP_OS_OFFSET = 9;
const GZIP_OS_UNKNOWN = 255;

/** `pixels` holds count × 784 bytes, row-major from the top left, 0 (paper) to 255 (ink); `labels` holds 0 to 9. */
export interface StoredDigits {
  readonly labels: Uint8Array;
  readonly pixels: Uint8Array;
}

export function encodeDigits(digits: StoredDigits): Uint8Array {
  assert(digits.labels.length <= DIGITS_MAX, `at most ${DIGITS_MAX} digits`);
  assert(digits.pixels.length === digits.labels.length * DIGIT_PIXELS, '784 pixels for each label');
  const plain = Buffer.alloc(HEADER_BYTES + digits.labels.length + digits.pixels.length);
  plain.write(MAGIC, 0, 'latin1');
  plain.writeUInt32LE(digits.labels.length, 4);
  plain.set(digits.labels, HEADER_BYTES);
  plain.set(digits.pixels, HEADER_BYTES + digits.labels.length);
  const packed = gzipSync(plain, { level: constants.Z_BEST_COMPRESSION });
  packed[GZIP_OS_OFFSET] = GZIP_OS_UNKNOWN;
  return packed;
}

/** @throws ASSERTION for bytes that `encodeDigits` did not write; never inflates more than 70,000 digits */
export function decodeDigits(packed: Uint8Array): StoredDigits {
  const maxOutputLength = HEADER_BYTES + DIGITS_MAX * (DIGIT_PIXELS + 1);
  const plain = gunzipSync(packed, { maxOutputLength });
  assert(plain.length >= HEADER_BYTES && plain.toString('latin1', 0, 4) === MAGIC, 'a digits file begins with MRD1');
  const count = plain.readUInt32LE(4);
  assert(plain.length === HEADER_BYTES + count * (DIGIT_PIXELS + 1), `a digits file of ${count} digits is complete`);
  const labels = plain.subarray(HEADER_BYTES, HEADER_BYTES + count);
  assert(
    labels.every((label) => label < DIGIT_CLASSES),
    'labels are 0 to 9',
  );
  return { labels, pixels: plain.subarray(HEADER_BYTES + count) };
}
