// ReadTotals: the newest totals of every run and partition, as E.totals holds them.
// Invariant: compaction takes its time, and before it there are hundreds of each: only the newest are decoded, for to decode
//            them all took a new owner longer than a session. One that cannot be read leaves the one before it in force.

import type { Bus } from '../bus/bus.ts';
import { decodeControl } from '../codec/control.ts';
import type { Totals } from '../domain/comparison.ts';
import type { InRecord } from '../domain/record.ts';
import type { Topics } from '../domain/topics.ts';

/** Records of a run and partition that are kept until all are read. */
const KEPT = 2;

export interface ReadTotalsOptions {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly endpoint: string;
  /** All partitions when absent. */
  readonly partitions?: readonly number[];
  readonly signal: AbortSignal;
  readonly onUnreadable: (record: InRecord, error: unknown) => void;
}

/** Up to the high watermark, or whatever there is when the signal comes. @throws TOPIC_UNKNOWN */
export async function readTotals(options: ReadTotalsOptions): Promise<Totals[]> {
  const { bus, topics, endpoint, partitions, signal, onUnreadable } = options;
  const kept = new Map<string, readonly InRecord[]>();
  const where = { topic: topics.endpoint(endpoint, 'totals'), ...(partitions === undefined ? {} : { partitions }) };
  for await (const { records } of bus.read({ ...where, from: 'earliest', until: 'end', signal })) {
    for (const record of records) {
      const place = `${new TextDecoder().decode(record.key ?? new Uint8Array())} ${record.partition}`;
      kept.set(place, [record, ...(kept.get(place) ?? [])].slice(0, KEPT));
    }
  }
  return [...kept.values()].flatMap((newestFirst) => {
    for (const record of newestFirst) {
      if (record.value === null) break;
      try {
        return [decodeControl('totals', record)];
      } catch (error) {
        onUnreadable(record, error);
      }
    }
    return [];
  });
}
