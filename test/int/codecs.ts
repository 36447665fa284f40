// Codecs: Kafka's compression codecs, written by hand. All but gzip only frame their bytes: valid, not one byte smaller,
//         and for 64 KiB at most.
// Sources: Snappy format and xerial's framing of it, LZ4 frame format, RFC 8878 (Zstandard).

import { gzipSync } from 'node:zlib';

interface Codec {
  /** In the attributes of a record batch. */
  readonly number: number;
  readonly compress: (bytes: Buffer) => Buffer;
}

export const CODECS = {
  gzip: { number: 1, compress: (bytes) => gzipSync(bytes) },
  snappy: { number: 2, compress: snappy },
  lz4: { number: 3, compress: lz4 },
  zstd: { number: 4, compress: zstd },
} as const satisfies Readonly<Record<string, Codec>>;
export type CodecName = keyof typeof CODECS;

/** xerial's header and one block: the length as a varint, then one literal with a length of two bytes. */
function snappy(bytes: Buffer): Buffer {
  const length = bytes.length;
  const block = Buffer.concat([
    Buffer.of((length & 127) | 128, ((length >> 7) & 127) | 128, length >> 14),
    Buffer.of(61 << 2, (length - 1) & 255, (length - 1) >> 8),
    bytes,
  ]);
  return Buffer.concat([Buffer.from('82534e41505059000000000100000001', 'hex'), be32(block.length), block]);
}

/** A frame of independent blocks of 64 KiB at most, its one block stored. */
function lz4(bytes: Buffer): Buffer {
  const stored = le32(bytes.length + 2 ** 31);
  return Buffer.concat([Buffer.from('04224d18604082', 'hex'), stored, bytes, le32(0)]);
}

/** A frame with its size in four bytes, and one raw block, the last. */
function zstd(bytes: Buffer): Buffer {
  const block = le32(bytes.length * 8 + 1).subarray(0, 3);
  return Buffer.concat([Buffer.from('28b52ffda0', 'hex'), le32(bytes.length), block, bytes]);
}

function be32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function le32(value: number): Buffer {
  return be32(value).reverse();
}
