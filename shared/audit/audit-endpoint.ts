// AuditEndpoint: the topics of one endpoint of any cluster, read once and judged, partition by partition.
// Flow: E.requests, lanes, E.predictions, E.dead-letters, E.cuts, millrace.events, millrace.workers → audit → totals.
// Method: the topics of a partition are merged by source offset, so that each request's records come close together
//         whatever clocks say. Groups' positions are read before the ends: what lies between is under way, not lost.
// Invariant: reads only, without a group; memory grows with the work under way, not with the topics.

import { PartitionAudit } from '../analysis/audit.ts';
import { checkReady } from '../analysis/checks/ready-before-routed.ts';
import { checkRollbackCuts, type RollbackBounds, rollbackCutMs } from '../analysis/checks/rollback-bound.ts';
import { checkCuts } from '../analysis/checks/routed-as-planned.ts';
import { type JournalFacts, journalFacts } from '../analysis/journal.ts';
import { Totals } from '../analysis/totals.ts';
import type { Bus, ReadFrom } from '../bus/bus.ts';
import { decodeControl } from '../codec/control.ts';
import type { Cut } from '../domain/cut.ts';
import { MillraceError } from '../domain/errors.ts';
import { laneGroup, routerGroup } from '../domain/groups.ts';
import { HEADER, headerText } from '../domain/headers.ts';
import { type InRecord, parseSource } from '../domain/record.ts';
import type { Topics } from '../domain/topics.ts';
import { Cursor } from './cursor.ts';

/** Requests carry their producers' time, everything else ours: how far the two may be apart. */
const CLOCK_SKEW_MS = 300_000;

export interface AuditOptions {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly endpoint: string;
  /** Requests of this time, by their records' timestamps, ms since the epoch. Default: all. */
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Nothing counts as under way any more: what has no outcome is lost. Default: the groups' positions tell. */
  readonly settled?: boolean;
  readonly bounds: RollbackBounds;
  readonly nowMs: number;
  readonly signal: AbortSignal;
  /** Told after each partition. */
  readonly onProgress?: (partition: number, totals: Totals) => void;
}

/** What a partition's audit needs of the endpoint. */
interface Known {
  readonly journal: JournalFacts;
  readonly cuts: readonly Cut[];
  readonly routed: readonly number[];
  readonly committed: { readonly blue: readonly number[]; readonly green: readonly number[] };
  readonly atLeastOnce: boolean;
}

/** @throws ENDPOINT_UNKNOWN, AUDIT_TOO_WIDE, TIMED_OUT when interrupted */
export async function auditEndpoint(options: AuditOptions): Promise<Totals> {
  const { bus, topics, endpoint, nowMs, bounds } = options;
  const partitions = await bus.admin.partitions(topics.endpoint(endpoint, 'requests'));
  if (partitions === null) throw new MillraceError('ENDPOINT_UNKNOWN', { endpoint });
  const known = await readKnown(options);
  const totals = new Totals();
  for (let partition = 0; partition < partitions; partition++) {
    totals.add(await auditPartition(options, known, partition));
    const cuts = cutsOf(known, partition);
    totals.note(...checkCuts(partition, cuts, known.journal));
    totals.note(...checkRollbackCuts(partition, cuts, { journal: known.journal, bounds, nowMs }));
    for (const abort of known.journal.aborts) {
      const ms = rollbackCutMs(cuts, abort);
      if (typeof ms === 'number') totals.lastRollbackCutMs = Math.max(totals.lastRollbackCutMs, ms);
    }
    options.onProgress?.(partition, totals);
  }
  const reports = await readControl(options, topics.control('workers'), (record) => decodeControl('worker', record));
  const own = reports.filter((report) => report.endpoint === endpoint);
  totals.note(...checkReady(known.journal, own));
  return totals;
}

function cutsOf({ cuts }: Known, partition: number): readonly Cut[] {
  return cuts.filter((cut) => cut.partition === partition);
}

async function readKnown(options: AuditOptions): Promise<Known> {
  const { bus, topics, endpoint } = options;
  const { prefix } = topics;
  const committed = (group: string, topic: string) => bus.admin.committed(group, topic);
  const routed = await committed(routerGroup(prefix, endpoint), topics.endpoint(endpoint, 'requests'));
  const blue = await committed(laneGroup(prefix, endpoint, 'blue'), topics.lane(endpoint, 'blue'));
  const green = await committed(laneGroup(prefix, endpoint, 'green'), topics.lane(endpoint, 'green'));
  const events = await readControl(options, topics.control('events'), (record) => decodeControl('event', record));
  const cuts = await readControl(options, topics.endpoint(endpoint, 'cuts'), (record) => decodeControl('cut', record));
  const journal = journalFacts(endpoint, events);
  const atLeastOnce = cuts.some(({ plan }) => plan.delivery === 'at-least-once');
  return { journal, cuts, routed, committed: { blue, green }, atLeastOnce };
}

/** Every value of a control topic, in order; tombstones left out. */
async function readControl<T>(options: AuditOptions, topic: string, decode: (record: InRecord) => T): Promise<T[]> {
  const { bus, signal } = options;
  const values: T[] = [];
  for await (const { records } of bus.read({ topic, from: 'earliest', until: 'end', signal })) {
    for (const record of records) if (record.value !== null) values.push(decode(record));
  }
  if (signal.aborted) throw new MillraceError('TIMED_OUT', { detail: 'interrupted' });
  return values;
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
    cuts: cutsOf(known, partition),
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
