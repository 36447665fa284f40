// AuditEndpoint: the topics of one endpoint of any cluster, read once and judged, partition by partition.
// Flow: millrace.workers, millrace.events, E.cuts → known.ts; E.requests, lanes, E.predictions, E.dead-letters → totals.
// Method: the topics of a partition are merged by source offset, so that each request's records come close together
//         whatever clocks say. Groups' positions are read before the ends: what lies between is under way, not lost.
// Invariant: reads only, without a group; memory grows with the work under way, not with the topics (known.ts: what stays
//            of the control topics).

import { PartitionAudit } from '../analysis/audit.ts';
import { Totals } from '../analysis/totals.ts';
import type { ReadFrom } from '../bus/bus.ts';
import { MillraceError } from '../domain/errors.ts';
import { HEADER, headerText } from '../domain/headers.ts';
import { type InRecord, parseSource } from '../domain/record.ts';
import type { AuditOptions } from './audit-options.ts';
import { Cursor } from './cursor.ts';
import { type Known, readKnown } from './known.ts';

/** Requests carry their producers' time, everything else ours: how far the two may be apart. */
const CLOCK_SKEW_MS = 300_000;

/** @throws ENDPOINT_UNKNOWN, AUDIT_TOO_WIDE, CONTROL_UNREADABLE without `onUnreadable`, TIMED_OUT when interrupted */
export async function auditEndpoint(options: AuditOptions): Promise<Totals> {
  const { bus, topics, endpoint } = options;
  const partitions = await bus.admin.partitions(topics.endpoint(endpoint, 'requests'));
  if (partitions === null) throw new MillraceError('ENDPOINT_UNKNOWN', { endpoint });
  const known = await readKnown(options, partitions);
  const totals = new Totals();
  totals.add(known.totals);
  for (let partition = 0; partition < partitions; partition++) {
    totals.add(await auditPartition(options, known, partition));
    options.onProgress?.(partition, totals);
  }
  return totals;
}

async function auditPartition(options: AuditOptions, known: Known, partition: number): Promise<Totals> {
  const { bus, topics, endpoint, signal, fromMs, bounds } = options;
  const open = (topic: string, from: ReadFrom) => new Cursor(bus, { topic, partition, from }, signal);
  const later: ReadFrom = fromMs === undefined ? 'earliest' : { timestampMs: Math.max(0, fromMs - CLOCK_SKEW_MS) };
  const requests = open(
    topics.endpoint(endpoint, 'requests'),
    fromMs === undefined ? 'earliest' : { timestampMs: fromMs },
  );
  const first = await requests.peek();
  const { blue, green } = known.committed;
  const end = (committed: number | undefined) =>
    options.settled === true ? Number.POSITIVE_INFINITY : (committed ?? -1);
  const audit = new PartitionAudit({
    ...{ partition, bounds, journal: known.journal, atLeastOnce: known.atLeastOnce },
    cuts: known.cutsOf(partition),
    from: first?.offset ?? 0,
    laneCommitted: { blue: end(blue[partition]), green: end(green[partition]) },
    to: end(known.routed[partition]),
  });
  const others: readonly Feed[] = [
    [open(topics.lane(endpoint, 'blue'), later), (record) => audit.onLane('blue', record)],
    [open(topics.lane(endpoint, 'green'), later), (record) => audit.onLane('green', record)],
    [open(topics.endpoint(endpoint, 'predictions'), later), (record) => audit.onPrediction(record)],
    [open(topics.endpoint(endpoint, 'dead-letters'), later), (record) => audit.onDeadLetter(record)],
  ];
  const { toMs = Number.POSITIVE_INFINITY } = options;
  const onRequest = (record: InRecord) =>
    record.timestampMs < toMs ? audit.onRequest(record) : audit.endAt(record.offset);
  try {
    await merge([[requests, onRequest], ...others]);
  } finally {
    for (const [cursor] of [[requests] as const, ...others]) await cursor.close();
  }
  audit.finish();
  return audit.totals;
}

type Feed = readonly [cursor: Cursor, take: (record: InRecord) => void];

/** Hands over the records of all feeds, those of the smallest source first, requests before what rests on them. */
async function merge([requests, ...others]: readonly [Feed, ...Feed[]]): Promise<void> {
  for (;;) {
    let [next, record] = [requests, await requests[0].peek()];
    let smallest = record?.offset ?? Number.POSITIVE_INFINITY;
    for (const feed of others) {
      const candidate = await feed[0].peek();
      if (candidate === null) continue;
      const source = sourceOffset(candidate);
      if (record !== null && source >= smallest) continue;
      [next, record, smallest] = [feed, candidate, source];
    }
    if (record === null) return;
    next[1](record);
    next[0].skip();
  }
}

/** Where a record of ours belongs; one that names no source is reported at once. */
function sourceOffset({ headers }: InRecord): number {
  return parseSource(headerText(headers, HEADER.source) ?? '')?.offset ?? -1;
}
