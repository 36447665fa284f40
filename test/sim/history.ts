// History: what a simulation leaves on its log, byte by byte, so that two of them can be compared.
// Flow: a memory log → every record of every partition, aborted ones too, and which of them are committed → a hash.

import type { Hash } from 'node:crypto';
import type { MemoryLog } from '../../shared/bus/memory/memory-log.ts';
import type { Bytes, InRecord } from '../../shared/domain/record.ts';

const EVERYTHING = { maxRecords: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY };

export function hashLog(log: MemoryLog, hash: Hash): void {
  for (const topic of log.topicNames()) {
    for (const partition of log.partitions(topic)) {
      const all = partition.fetch(0, { ...EVERYTHING, isolation: 'read_uncommitted' }).records;
      const committed = partition.fetch(0, { ...EVERYTHING, isolation: 'read_committed' }).records;
      hash.update(`${topic}-${partition.partition} ${partition.end} ${committed.map(({ offset }) => offset).join()}\n`);
      for (const record of all) hash.update(bytesOf(record));
    }
  }
}

/** Lengths go ahead of bytes: no two records are alike unless all of their parts are. */
function bytesOf({ offset, timestampMs, key, value, headers }: InRecord): Buffer {
  const parts = [key, value, ...headers.flatMap(([name, bytes]) => [Buffer.from(name), bytes])];
  const lengths = parts.map((part) => part?.length ?? -1).join();
  const present = parts.filter((part): part is Bytes => part !== null);
  return Buffer.concat([Buffer.from(`${offset} ${timestampMs} ${lengths}\n`), ...present]);
}
