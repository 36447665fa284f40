// Hand-built batches: record sets for tests, with what only a broker writes: offsets, markers, compression.

import { gzipSync } from 'node:zlib';
import { crc32c } from './crc32c.ts';
import { encodeBatch } from './record-batch.ts';

interface BatchOf {
  readonly offset: number;
  readonly producerId?: number;
  readonly transactional?: boolean;
  /** Offset of the last record, when compaction left fewer records than offsets. */
  readonly lastOffset?: number;
  /** Key and value of each record as text. */
  readonly records: readonly (string | { readonly key: Buffer; readonly value: string })[];
}

/** A data batch as a broker stores it. */
export function dataBatch({ offset, producerId = -1, transactional = false, lastOffset, records }: BatchOf): Buffer {
  const of = records.map((record) =>
    typeof record === 'string'
      ? { key: Buffer.from(record), value: Buffer.from(record), headers: [] }
      : { key: record.key, value: Buffer.from(record.value), headers: [] },
  );
  const head = {
    timestampMs: 1_000,
    producerId: BigInt(producerId),
    producerEpoch: 0,
    firstSequence: 0,
    transactional,
  };
  const batch = encodeBatch(of, head);
  batch.writeBigInt64BE(BigInt(offset), 0);
  if (lastOffset !== undefined) batch.writeInt32BE(lastOffset - offset, 23);
  return sealed(batch);
}

/** A transaction marker. */
export function marker(offset: number, producerId: number, type: 'abort' | 'commit'): Buffer {
  const key = Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1]);
  const batch = dataBatch({ offset, producerId, transactional: true, records: [{ key, value: '' }] });
  batch.writeInt16BE(0x30, 21);
  return sealed(batch);
}

/** The same batch with its records compressed and the codec named. */
export function compressed(batch: Buffer, codec = 1, compress: (bytes: Buffer) => Buffer = gzipSync): Buffer {
  const records = compress(batch.subarray(61));
  const head = Buffer.from(batch.subarray(0, 61));
  head.writeInt16BE(head.readInt16BE(21) | codec, 21);
  head.writeInt32BE(61 - 12 + records.length, 8);
  return sealed(Buffer.concat([head, records]));
}

/** The same batch, its checksum put right after a change. */
export function sealed(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch, 21, batch.length), 17);
  return batch;
}
