// Targets: Kafka's wire format: the answers of a broker that Millrace decodes itself, and the record batches in them.

import { abortedFilter } from '../../../shared/bus/kafka/internals/aborted-filter.ts';
import { client } from '../../../shared/bus/kafka/internals/client.ts';
import { crc32c } from '../../../shared/bus/kafka/internals/crc32c.ts';
import { compressed, dataBatch, marker } from '../../../shared/bus/kafka/internals/hand-built-batches.ts';
import { encodeBatch } from '../../../shared/bus/kafka/internals/record-batch.ts';
import { endOfRecordSet, RecordReader } from '../../../shared/bus/kafka/internals/record-reader.ts';
import { decodeOwned, encodeOwned } from '../../../shared/bus/kafka/owned-claims.ts';
import { fetchRequest } from '../../../shared/bus/kafka/requests/fetch.ts';
import { metadataRequest } from '../../../shared/bus/kafka/requests/metadata.ts';
import { offsetFetchRequest } from '../../../shared/bus/kafka/requests/offset-fetch.ts';
import { produceRequest } from '../../../shared/bus/kafka/requests/produce.ts';
import { HEADER, header } from '../../../shared/domain/headers.ts';
import type { Header, InRecord } from '../../../shared/domain/record.ts';
import { chosen, seedOf, type Target } from '../target.ts';
import { JSON_BOMBS } from './json-pieces.ts';
import { fetchAnswer, metadataAnswer, offsetFetchAnswer, produceAnswer } from './wire-pieces.ts';

const FETCH = fetchRequest({
  isolation: 'read_committed',
  maxWaitMs: 1,
  bytesMax: 1,
  partitionBytesMax: 1,
  partitions: [],
});
const PRODUCE = produceRequest({ transactionalId: null, timeoutMs: 1, batches: [] });

/** An answer as kafkajs's connection gives it to the request that asked. */
const answerOf =
  (request: { readonly response: { decode(payload: Buffer): Promise<object> } }) =>
  async (payload: Buffer): Promise<void> =>
    void (await request.response.decode(payload));

const ZEROS = (index: number) => (bytes: number) => seedOf(index, Buffer.alloc(bytes - 1));
const ONES = (index: number) => (bytes: number) => seedOf(index, Buffer.alloc(bytes - 1, 0xff));

export const answersTarget: Target = {
  name: 'wire-answers',
  seeds: () => {
    const batch = dataBatch({ offset: 3, records: ['a', 'b'] });
    const parts = [
      { partition: 0, code: 0, aborted: [[7, 1]] as const, records: batch },
      { partition: 1, code: 6, aborted: [], records: Buffer.alloc(0) },
    ];
    return [
      seedOf(0, fetchAnswer('e.requests', parts)),
      seedOf(1, produceAnswer('e.predictions', [0, 10])),
      seedOf(2, metadataAnswer(['e.requests', 'e.cuts'])),
      seedOf(3, offsetFetchAnswer('e.requests', [5, -1])),
      seedOf(4, encodeOwned({ generation: 3, owned: [0, 1, 2] })),
    ];
  },
  tokens: ['\x00\x00\x00\x00', '\x00\x00\x00\x01', '\x7f\xff\xff\xff', '\x00\x06', '\x01', '\x02', 'e.requests'],
  bombs: [...[0, 1, 2, 3].flatMap((index) => [ZEROS(index), ONES(index)]), ...JSON_BOMBS(4)],
  decode: chosen<void | Promise<void>>([
    answerOf(FETCH),
    answerOf(PRODUCE),
    answerOf(metadataRequest(null)),
    answerOf(offsetFetchRequest('g', 't', [0])),
    (bytes) => void decodeOwned(bytes),
  ]),
};

/** Makes every checksum fit, so that what lies behind it is read. */
function mendChecksums(bytes: Buffer): void {
  for (let at = 1; at + 61 <= bytes.length; ) {
    const size = bytes.readInt32BE(at + 8) + 12;
    if (size < 61 || at + size > bytes.length) return;
    bytes.writeUInt32BE(crc32c(bytes, at + 21, at + size), at + 17);
    at += size;
  }
}

const HEAD = { timestampMs: 5, producerId: 3n, producerEpoch: 0, firstSequence: 0, transactional: true };
const RICH = encodeBatch(
  [
    { key: Buffer.from('k'), value: null, headers: [header(HEADER.source, '0@7'), header('é', ''), header('', 'x')] },
    { key: null, value: Buffer.alloc(70, 1), headers: [], timestampDeltaMs: 3 },
  ],
  HEAD,
);
/** As many records as its bytes allow, each as short as can be. */
const tinyRecords = (count: number) =>
  encodeBatch(
    Array.from({ length: count }, () => ({ key: null, value: null, headers: [] })),
    { ...HEAD, transactional: false },
  );

const manyHeaders = (records: number, headers: number) =>
  encodeBatch(
    Array.from({ length: records }, () => ({
      key: null,
      value: null,
      headers: new Array<Header>(headers).fill(NO_HEADER),
    })),
    { ...HEAD, transactional: false },
  );
const NO_HEADER: Header = ['', Buffer.alloc(0)];

function sets(): Buffer[] {
  const plain = dataBatch({ offset: 0, records: ['a', 'bb', 'ccc'] });
  const aborted = [dataBatch({ offset: 3, producerId: 7, transactional: true, records: ['x'] }), marker(4, 7, 'abort')];
  return [
    plain,
    RICH,
    compressed(RICH),
    Buffer.concat([plain, ...aborted, marker(5, 8, 'commit'), compressed(plain)]),
    Buffer.concat([plain, RICH.subarray(0, 70)]),
  ];
}

/** Inside the largest batches: their records before it are skipped. */
const FROM_OFFSET = 900_000;

const gzipBomb = (records: number) => {
  const bomb = compressed(tinyRecords(records));
  return (bytes: number) =>
    Buffer.concat([Buffer.of(3), ...Array<Buffer>(Math.max(1, Math.floor(bytes / bomb.length))).fill(bomb)]);
};

export const batchesTarget: Target = {
  name: 'wire-batches',
  seeds: () => sets().flatMap((set) => [0, 1, 3].map((choice) => seedOf(choice, set))),
  tokens: ['\x00\x00', '\x00\x30', '\x00\x11', '\x01', '\x02', '\x7f', '\xff\xff\xff\xff', HEADER.source],
  bombs: [
    ZEROS(1),
    ONES(1),
    (bytes) => seedOf(1, tinyRecords(Math.floor(bytes / 8))),
    (bytes) => seedOf(3, tinyRecords(Math.floor(bytes / 8))),
    (bytes) => seedOf(1, manyHeaders(1, Math.floor(bytes / 2))),
    (bytes) => seedOf(1, manyHeaders(Math.ceil(bytes / 2_048), 1_000)),
    gzipBomb(10_000),
    gzipBomb(1_000_000),
    gzipBomb(2_000_000),
  ],
  mend: mendChecksums,
  decode: (bytes) => {
    const choice = bytes[0] ?? 0;
    const set = bytes.subarray(1);
    endOfRecordSet(set);
    const reader = new RecordReader({
      ...{ topic: 't', partition: 0, bytes: set },
      fromOffset: (choice & 2) === 0 ? 0 : FROM_OFFSET,
      filter: (choice & 1) === 0 ? null : abortedFilter([{ producerId: 7, firstOffset: 2 }]),
    });
    const into: InRecord[] = [];
    reader.read({ records: 500, bytes: 1_048_576 }, into);
  },
};

// Loads kafkajs's parts, whose decoders answers are read with, before anything is measured.
client();

export const WIRE_TARGETS = [answersTarget, batchesTarget];
