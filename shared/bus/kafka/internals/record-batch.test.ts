// Goal: what is written is a valid v2 batch that reads back as it was.
// Method: round trips through our reader; byte comparison with kafkajs's own encoder and decoder as shipped.

import { createRequire } from 'node:module';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { InRecord } from '../../../domain/record.ts';
import { crc32c } from './crc32c.ts';
import { type BatchHead, type BatchRecord, encodeBatch, planBatches } from './record-batch.ts';
import { RecordReader } from './record-reader.ts';

const require = createRequire(import.meta.url);
const shipped = (file: string) => require(`kafkajs/src/${file}`);

const HEAD: BatchHead = {
  timestampMs: 1_700_000_000_000,
  producerId: 4_000_000_123n,
  producerEpoch: 7,
  firstSequence: 42,
  transactional: true,
};

const bytes = fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value));
const record = fc.record({
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.array(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 70 }), bytes), { maxLength: 5 }),
});

function readAll(batch: Buffer): InRecord[] {
  const into: InRecord[] = [];
  const reader = new RecordReader({ topic: 't', partition: 3, bytes: batch, fromOffset: 0, filter: null });
  expect(reader.read({ records: 1e9, bytes: 1e9 }, into)).toBe(true);
  return into;
}

test('records read back as they were written, headers in order and with repetitions', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), (records: BatchRecord[]) => {
      const read = readAll(encodeBatch(records, HEAD));
      expect(read.map(({ key, value, headers }) => ({ key, value, headers }))).toEqual(records);
      expect(read.map((r) => r.offset)).toEqual(records.map((_, i) => i));
      expect(new Set(read.map((r) => r.timestampMs))).toEqual(new Set([HEAD.timestampMs]));
    }),
  );
});

test('the checksum covers the batch from its attributes on', () => {
  const batch = encodeBatch([{ key: null, value: Buffer.from('v'), headers: [] }], HEAD);
  expect(batch.readUInt32BE(17)).toBe(crc32c(batch, 21, batch.length));
});

test('the bytes are those of the shipped kafkajs encoder', async () => {
  const { RecordBatch } = shipped('protocol/recordBatch/v0');
  const Record = shipped('protocol/recordBatch/record/v0');
  const records = Array.from({ length: 200 }, (_, i) => ({
    key: Buffer.from(`k${i}`),
    value: i % 7 === 0 ? null : Buffer.alloc(i * 3, i),
    headers: [['trace', Buffer.from('x'.repeat(i))] as const],
    timestampDeltaMs: i * 37,
  }));
  const theirs = await RecordBatch({
    partitionLeaderEpoch: -1,
    firstTimestamp: HEAD.timestampMs,
    maxTimestamp: HEAD.timestampMs + 199 * 37,
    lastOffsetDelta: 199,
    transactional: true,
    producerId: '4000000123',
    producerEpoch: 7,
    firstSequence: 42,
    records: records.map((r, i) =>
      Record({ ...r, offsetDelta: i, timestampDelta: r.timestampDeltaMs, headers: Object.fromEntries(r.headers) }),
    ),
  });
  const ours = encodeBatch(records, { ...HEAD, timestampMsMax: HEAD.timestampMs + 199 * 37 });
  expect(ours.equals(theirs.buffer)).toBe(true);
});

test('the shipped kafkajs decoder reads our batches', async () => {
  const Decoder = shipped('protocol/decoder');
  const decodeBatch = shipped('protocol/recordBatch/v0/decoder');
  const headers: [string, Buffer][] = [
    ['a', Buffer.from('1')],
    ['a', Buffer.from('2')],
  ];
  const decoded = await decodeBatch(new Decoder(encodeBatch([{ key: Buffer.from('k'), value: null, headers }], HEAD)));
  expect(decoded.records).toHaveLength(1);
  expect(decoded.records[0].headers).toEqual({ a: [Buffer.from('1'), Buffer.from('2')] });
  expect(decoded.records[0].value).toBeNull();
});

test('a split keeps order, stays below the limit, and gives an oversized record a batch of its own', () => {
  const sizes = fc.array(fc.nat(400), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(sizes, (lengths) => {
      const records = lengths.map((n, i) => ({ key: Buffer.from([i]), value: Buffer.alloc(n), headers: [] }));
      const plans = planBatches(records, 500);
      expect(plans.flatMap((plan) => plan.records)).toEqual(records);
      for (const plan of plans) {
        expect(encodeBatch(plan.records, HEAD)).toHaveLength(plan.bytes);
        expect(plan.bytes <= 500 || plan.records.length === 1).toBe(true);
      }
    }),
  );
});
