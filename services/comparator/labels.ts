// Labels: ground truth to the partition of its request, so that the join is local.
// Flow: E.labels (any partition) → [keyLabels] → E.keyed-labels. A label that names a source goes to its partition; one that
//       names a request id goes to all of them, and the one that knows the id takes it.
// Invariant: exactly once, as answers are; what cannot be read is told and left where it lies.

import type { Bus, OwnedPartition } from '../../shared/bus/bus.ts';
import { CONTROL_CONTENT_TYPE, decodeControl, encodeControl } from '../../shared/codec/control.ts';
import type { KeyedLabel } from '../../shared/domain/comparison.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import { type InRecord, type OutRecord, parseSource } from '../../shared/domain/record.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import type { Log } from '../../shared/telemetry/logger.ts';

const BATCH = { maxRecords: 2_000, maxBytes: 4 * 1024 * 1024, maxWaitMs: 1_000 } as const;
/** Longest request id (shared/domain/route.ts). */
const ID_CHARS_MAX = 1_024;

export interface LabelDeps {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly log: Log;
  readonly endpoint: string;
}

/** Keys the labels of one partition until it is lost. */
export async function keyLabels(deps: LabelDeps, owned: OwnedPartition): Promise<void> {
  const { bus, topics, endpoint } = deps;
  const requests = topics.endpoint(endpoint, 'requests');
  await owned.fence();
  let position = await owned.resume();
  while (!owned.lost.aborted) {
    const taken = await owned.take(BATCH);
    if (taken.nextOffset === position) continue;
    const ends = new Map<number, number>();
    if (taken.records.length > 0) {
      for (const { partition, end } of await bus.admin.offsets(requests)) ends.set(partition, end);
    }
    const outputs = taken.records.flatMap((record) => keyed(deps, record, ends));
    await owned.commit({ outputs, nextOffset: taken.nextOffset });
    position = taken.nextOffset;
  }
}

function keyed({ topics, endpoint, log }: LabelDeps, record: InRecord, ends: ReadonlyMap<number, number>): OutRecord[] {
  const topic = topics.endpoint(endpoint, 'keyed-labels');
  const to = (partition: number, label: Omit<KeyedLabel, 'requestsEnd'>): OutRecord => ({
    topic,
    partition,
    key: record.key,
    value: encodeControl('keyed-label', { ...label, requestsEnd: ends.get(partition) ?? 0 }),
    headers: [CONTROL_CONTENT_TYPE],
  });
  try {
    const { values } = decodeControl('label', record);
    const name = new TextDecoder().decode(record.key ?? new Uint8Array());
    const source = sourceNamed(name, topics.endpoint(endpoint, 'requests'));
    if (source !== null && ends.has(source.partition)) {
      return [to(source.partition, { offset: source.offset, requestId: '', values })];
    }
    if (source !== null || name === '' || name.length > ID_CHARS_MAX) throw nameless(record, name);
    return [...ends.keys()].map((partition) => to(partition, { offset: -1, requestId: name, values }));
  } catch (error) {
    log('control-unreadable', { service: 'comparator', error });
    return [];
  }
}

/** `partition@offset`, or the request id of a request without an id of its own: `topic-partition-offset`. */
function sourceNamed(name: string, requests: string) {
  if (!name.startsWith(`${requests}-`)) return parseSource(name);
  return parseSource(name.slice(requests.length + 1).replace('-', '@'));
}

function nameless({ topic, offset }: InRecord, name: string): MillraceError {
  const detail = `its key '${name.slice(0, 64)}' is neither a source of this endpoint nor a request id`;
  return new MillraceError('CONTROL_UNREADABLE', { topic, offset, detail });
}
