// Memory reader: reads partitions without a group.
// Flow: `bus.read` → batches, partition after partition, until the ends fixed at the start or until aborted.
// Invariant: the first batch of each partition comes even when empty; a later one comes when the position has moved.

import type { ReadBatch, ReadFrom, ReadOptions } from '../bus.ts';
import type { MemoryClient } from './memory-client.ts';
import { partitionKey } from './memory-log.ts';
import type { PartitionLog } from './partition-log.ts';

const BATCH_RECORDS_MAX = 1_000;
const BATCH_BYTES_MAX = 1_048_576;

interface Cursor {
  readonly log: PartitionLog;
  /** Where to stop; null: never. */
  readonly end: number | null;
  position: number;
  begun: boolean;
}

/** @throws TOPIC_UNKNOWN */
export async function* readLog(client: MemoryClient, options: ReadOptions): AsyncGenerator<ReadBatch, void, void> {
  await client.alive();
  const cursors = openCursors(client, options);
  const signals = [client.ended.signal, ...(options.signal === undefined ? [] : [options.signal])];
  const aborted = () => signals.some((signal) => signal.aborted);
  while (!aborted()) {
    const dueMs = client.expire();
    let moved = false;
    for (const cursor of cursors) {
      const batch = nextBatch(cursor, options);
      if (batch === null) continue;
      moved = true;
      if (batch.records.length > 0) {
        const { topic } = options;
        await client.deliver({ group: null, topic, partition: batch.partition, records: batch.records.length });
      }
      if (aborted()) return;
      yield batch;
      await client.alive();
    }
    if (cursors.every(finished)) return;
    if (moved) continue;
    const keys = cursors.filter((cursor) => !finished(cursor)).map(({ log }) => partitionKey(log.topic, log.partition));
    await client.log.wakes.wait(keys, { clock: client.clock, maxMs: dueMs, signals });
  }
}

function openCursors(client: MemoryClient, options: ReadOptions): Cursor[] {
  const { topic, partitions, from, until } = options;
  const logs =
    partitions === undefined
      ? client.log.partitions(topic)
      : partitions.map((partition) => client.log.partition(topic, partition));
  return logs.map((log) => {
    const start = from instanceof Map ? (from.get(log.partition) ?? 'earliest') : (from as ReadFrom);
    return { log, end: until === 'end' ? log.end : null, position: log.startOf(start), begun: false };
  });
}

/** Null when there is nothing new to say. */
function nextBatch(cursor: Cursor, options: ReadOptions): ReadBatch | null {
  if (finished(cursor)) return null;
  const { log, end, position } = cursor;
  const isolation = options.isolation ?? 'read_committed';
  const { records, nextOffset } = log.fetch(position, {
    isolation,
    maxRecords: BATCH_RECORDS_MAX,
    maxBytes: BATCH_BYTES_MAX,
    ...(end === null ? {} : { before: end }),
  });
  if (cursor.begun && nextOffset <= position) return null;
  cursor.begun = true;
  cursor.position = Math.max(position, nextOffset);
  return { partition: log.partition, records, nextOffset: cursor.position, endOffset: log.endOf(isolation) };
}

function finished({ begun, end, position }: Cursor): boolean {
  return begun && end !== null && position >= end;
}
