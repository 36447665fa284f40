// WriteRequests: requests to E.requests, and the source that each of them got.
// Method: the bus tells no offsets, so the records are read back from where the topic ended and matched byte by byte, in order.

import type { Bus } from '../../shared/bus/bus.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import type { Bytes, InRecord, OutRecord, Source } from '../../shared/domain/record.ts';
import { encodedBytes } from '../../shared/domain/record-bytes.ts';
import { REQUEST_BYTES_MAX } from '../../shared/domain/topics.ts';
import type { CliContext } from './context.ts';
import { readToEnd } from './read.ts';

/** A request on record. */
export interface Written {
  readonly record: OutRecord;
  readonly source: Source;
  /** As the topic has it, for its request id. */
  readonly stored: InRecord;
}

export interface RequestWriter {
  readonly partitions: number;
  /** @throws RECORD_TOO_LARGE with `index`: then nothing of `records` was written; WRITE_FAILED */
  write(records: readonly OutRecord[]): Promise<void>;
  /** `write`, and where each record came to lie, in the order given. */
  writeAndFind(records: readonly OutRecord[]): Promise<readonly Written[]>;
}

/** A writer for one topic of requests. @throws ENDPOINT_UNKNOWN when there is no such topic */
export async function requestWriter(context: CliContext, bus: Bus, endpoint: string): Promise<RequestWriter> {
  const topic = context.topics.endpoint(endpoint, 'requests');
  const partitions = await bus.admin.partitions(topic);
  if (partitions === null) throw new MillraceError('ENDPOINT_UNKNOWN', { endpoint });
  const next = new Map((await bus.admin.offsets(topic)).map(({ partition, end }) => [partition, end]));

  async function write(records: readonly OutRecord[]): Promise<void> {
    for (const [index, record] of records.entries()) {
      const bytes = encodedBytes(record);
      if (bytes > REQUEST_BYTES_MAX) throw new MillraceError('RECORD_TOO_LARGE', { topic, bytes, index });
    }
    await bus.write(records);
  }

  async function writeAndFind(records: readonly OutRecord[]): Promise<readonly Written[]> {
    await write(records);
    const waiting = new Map<number, OutRecord[]>();
    for (const record of records) waiting.set(record.partition, [...(waiting.get(record.partition) ?? []), record]);
    const found = new Map<OutRecord, InRecord>();
    const touched = [...waiting.keys()];
    for await (const batch of readToEnd(context, bus, { topic, partitions: touched, from: next })) {
      for (const stored of batch) {
        const queue = waiting.get(stored.partition) ?? [];
        const [ours] = queue;
        if (ours === undefined || !sameRecord(ours, stored)) continue;
        found.set(ours, stored);
        queue.shift();
        next.set(stored.partition, stored.offset + 1);
      }
    }
    return records.flatMap((record) => {
      const stored = found.get(record);
      return stored === undefined
        ? []
        : [{ record, stored, source: { partition: stored.partition, offset: stored.offset } }];
    });
  }

  return { partitions, write, writeAndFind };
}

function sameRecord(ours: OutRecord, stored: InRecord): boolean {
  return (
    sameBytes(ours.key, stored.key) &&
    sameBytes(ours.value, stored.value) &&
    ours.headers.length === stored.headers.length &&
    ours.headers.every(([name, value], index) => {
      const other = stored.headers[index];
      return other !== undefined && other[0] === name && sameBytes(value, other[1]);
    })
  );
}

function sameBytes(a: Bytes | null, b: Bytes | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
