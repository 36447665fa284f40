// Replacements: the kafkajs modules that are wrong or quadratic, and what takes their place.
// Flow: client.ts puts these into `require.cache` before kafkajs is first loaded. Our own road calls the same functions
//       directly; the adapters here give them the shapes that kafkajs expects.
// Invariant: a replaced file is the one that was read when its replacement was written, by its sha256.
// Why each: docs/adr/0002-kafkajs-as-wire-client.md

import { MillraceError } from '../../../domain/errors.ts';
import type { Bytes, Header } from '../../../domain/record.ts';
import { type AbortedTransaction, abortedFilter, CONTROL_ABORT, controlType } from './aborted-filter.ts';
import { groupByPartition } from './group-by-partition.ts';
import { type BatchRecord, encodeBatch } from './record-batch.ts';
import { RecordParser } from './record-parser.ts';
import { requestFrame } from './request-frame.ts';

export interface Replacement {
  /** Path under `kafkajs/src`. */
  readonly file: string;
  readonly sha256: string;
  /** What `require` of that file gives from now on. */
  readonly exports: unknown;
}

/** What kafkajs's consumer knows of a record. Long integers are decimal strings there. */
interface ClientMessage {
  readonly key: Bytes | null;
  readonly offset: string;
  readonly isControlRecord?: boolean;
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean };
}

interface FilterInput {
  readonly messages: readonly ClientMessage[];
  readonly abortedTransactions?: readonly { readonly producerId: string; readonly firstOffset: string }[];
}

/** Signature of `consumer/filterAbortedMessages.js`. */
export function filterAbortedMessages({ messages, abortedTransactions }: FilterInput): readonly ClientMessage[] {
  if (abortedTransactions === undefined || abortedTransactions.length === 0) return messages;
  const aborted: AbortedTransaction[] = abortedTransactions.map((entry) => ({
    producerId: Number(entry.producerId),
    firstOffset: Number(entry.firstOffset),
  }));
  const filter = abortedFilter(aborted);
  return messages.filter((message) => {
    const producerId = Number(message.batchContext.producerId);
    const offset = Number(message.offset);
    if (message.isControlRecord) {
      if (controlType(message.key) === CONTROL_ABORT) filter.endAbort(producerId, offset);
      return true;
    }
    return !(message.batchContext.inTransaction && filter.isAborted(producerId, offset));
  });
}

interface GroupInput<M> {
  readonly topic: string;
  readonly partitionMetadata: readonly unknown[];
  readonly messages: readonly M[];
  readonly partitioner: (of: { topic: string; partitionMetadata: readonly unknown[]; message: M }) => number;
}

/** Signature of `producer/groupMessagesPerPartition.js`. */
export function groupMessagesPerPartition<M>(input: GroupInput<M>): Record<number, M[]> {
  const { topic, partitionMetadata, messages, partitioner } = input;
  if (partitionMetadata.length === 0) return {};
  const placed = messages.map((message) => ({
    topic,
    partition: partitioner({ topic, partitionMetadata, message }),
    message,
  }));
  const groups = groupByPartition(placed).map((group) => [group.partition, group.records.map((r) => r.message)]);
  return Object.fromEntries(groups);
}

type ClientBytes = Bytes | string | null | undefined;

interface ClientRecord {
  readonly key?: ClientBytes;
  readonly value?: ClientBytes;
  readonly headers?: Readonly<Record<string, ClientBytes | readonly ClientBytes[]>>;
  readonly timestampDelta?: number;
}

/** Signature of `protocol/recordBatch/record/v0/index.js`: the record stays as it is until its batch is encoded. */
export function clientRecord(record: ClientRecord): BatchRecord {
  const headers = Object.entries(record.headers ?? {}).flatMap(([name, values]) =>
    (Array.isArray(values) ? values : [values]).map((value): Header => [name, toBytes(value) ?? Buffer.alloc(0)]),
  );
  return {
    key: toBytes(record.key),
    value: toBytes(record.value),
    headers,
    timestampDeltaMs: Number(record.timestampDelta ?? 0),
  };
}

interface ClientBatch {
  readonly compression?: number;
  readonly firstTimestamp: number | string;
  readonly maxTimestamp: number | string;
  readonly transactional?: boolean;
  readonly producerId?: { toString(): string } | string;
  readonly producerEpoch?: number;
  readonly firstSequence?: number;
  readonly records?: readonly BatchRecord[];
}

/** Signature of `RecordBatch` in `protocol/recordBatch/v0/index.js`. @throws ASSERTION for a compressed batch */
export async function clientRecordBatch(batch: ClientBatch) {
  if ((batch.compression ?? 0) !== 0) throw new MillraceError('ASSERTION', { detail: 'batches are not compressed' });
  const buffer = encodeBatch(batch.records ?? [], {
    timestampMs: Number(batch.firstTimestamp),
    timestampMsMax: Number(batch.maxTimestamp),
    producerId: BigInt((batch.producerId ?? -1).toString()),
    producerEpoch: batch.producerEpoch ?? 0,
    firstSequence: batch.firstSequence ?? 0,
    transactional: batch.transactional ?? false,
  });
  return { buf: buffer, buffer, size: () => buffer.length };
}

interface ClientBatchContext {
  readonly firstOffset: string;
  readonly firstTimestamp: string;
  readonly magicByte: number;
  readonly isControlBatch?: boolean;
  readonly timestampType?: number;
  readonly maxTimestamp?: string;
}

const LOG_APPEND_TIME = 1;

/** Signature of `protocol/recordBatch/record/v0/decoder.js`: the decoder holds the bytes of one record's body. */
export function decodeClientRecord(decoder: { readonly buffer: Buffer }, context: ClientBatchContext) {
  const parser = new RecordParser(decoder.buffer, (detail) => new MillraceError('ASSERTION', { detail }));
  const appendTime = context.timestampType === LOG_APPEND_TIME && context.maxTimestamp !== undefined;
  const record = parser.readBody(decoder.buffer.length, {
    topic: '',
    partition: -1,
    baseOffset: Number(context.firstOffset),
    baseTimestampMs: Number(context.firstTimestamp),
    appendTimeMs: appendTime ? Number(context.maxTimestamp) : -1,
  });
  return {
    magicByte: context.magicByte,
    attributes: decoder.buffer.readInt8(0),
    timestamp: String(record.timestampMs),
    offset: String(record.offset),
    key: record.key,
    value: record.value,
    headers: headerObject(record.headers),
    isControlRecord: context.isControlBatch ?? false,
    batchContext: context,
  };
}

export const REPLACEMENTS: readonly Replacement[] = [
  {
    file: 'consumer/filterAbortedMessages.js',
    sha256: '54ce50f2a41ee1686da8b73bf8b502c7dd07c9d7cb0a494cdb36a7fc536ced8e',
    exports: filterAbortedMessages,
  },
  {
    file: 'producer/groupMessagesPerPartition.js',
    sha256: 'ea72357721fbf67770b5e06b9bf4260faa1e60f3affb556bff2cc7892c1881fb',
    exports: groupMessagesPerPartition,
  },
  {
    file: 'protocol/recordBatch/record/v0/index.js',
    sha256: 'ffbc628c1f35f5de8ba798165616b1009d9af1c27ca959999a10e6e3c18f8215',
    exports: clientRecord,
  },
  {
    file: 'protocol/recordBatch/v0/index.js',
    sha256: '6d6b63a8959ff0b9ea1198b2d4ec0af940a4c92d5c793bb592310ab46f99df30',
    exports: { RecordBatch: clientRecordBatch, MAGIC_BYTE: 2 },
  },
  {
    file: 'protocol/recordBatch/record/v0/decoder.js',
    sha256: '86d740054c8be29b02873bf2871eb43ba5004af94324610541dbab2d9fabcc65',
    exports: decodeClientRecord,
  },
  {
    file: 'protocol/request.js',
    sha256: '2270900ca6474026c11957fe71ac586881985460ed2554db22ad8870dcaff634',
    exports: requestFrame,
  },
];

function toBytes(value: ClientBytes): Bytes | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'string' ? Buffer.from(value) : value;
}

/** kafkajs's shape: one value, or a list when a name repeats. */
function headerObject(headers: readonly Header[]): Record<string, Bytes | Bytes[]> {
  const object: Record<string, Bytes | Bytes[]> = {};
  for (const [name, value] of headers) {
    const known = object[name];
    if (known === undefined) object[name] = value;
    else if (Array.isArray(known)) known.push(value);
    else object[name] = [known, value];
  }
  return object;
}
