// Route: which lane a request goes to, and the record that takes it there.
// Flow: E.requests → [route] → E.lane.blue | E.lane.green. Never decodes a payload; knows no strategy.
// Invariant: a pure function of (cuts, partition, offset, key): a new owner, a replay and an auditor get the same answer.

import { bucketOf, saltSeed } from '../../../shared/domain/bucket.ts';
import { type Cut, cutAt } from '../../../shared/domain/cut.ts';
import { assert, MillraceError } from '../../../shared/domain/errors.ts';
import { foreignHeaders, HEADER, header, headerBytes } from '../../../shared/domain/headers.ts';
import type { Bytes, Header, InRecord, OutRecord } from '../../../shared/domain/record.ts';
import { type Lane, laneOf, type RoutePlan } from '../../../shared/domain/route-plan.ts';
import { REQUEST_BYTES_MAX, type Topics } from '../../../shared/domain/topics.ts';

const encoder = new TextEncoder();

/** Where a request goes and why: what `millrace explain` shows and auditors recompute. */
export interface RouteDecision {
  readonly plan: RoutePlan;
  readonly lane: Lane;
  /** 0..9999 */
  readonly bucket: number;
  readonly requestId: Bytes;
}

/** Request id: the `ce_id` header, else `topic-partition-offset`. */
export function requestIdOf(record: InRecord): Bytes {
  return (
    headerBytes(record.headers, HEADER.cloudEventId) ??
    encoder.encode(`${record.topic}-${record.partition}-${record.offset}`)
  );
}

/**
 * Lane of one request under the cut that governs its offset.
 * @throws ASSERTION when no cut governs it, or the cut's plan routes nothing: the loop must not come here then.
 */
export function decideRoute(cuts: readonly Cut[], record: InRecord): RouteDecision {
  const cut = cutAt(cuts, record.offset);
  assert(cut !== null, `offset ${record.offset} lies before the first cut`);
  const requestId = requestIdOf(record);
  const bucket = bucketOf(seedOf(cut.plan), record.key ?? requestId);
  const lane = laneOf(cut.plan, bucket);
  assert(lane !== null, `plan ${cut.plan.revision} routes nothing`);
  return { plan: cut.plan, lane, bucket, requestId };
}

/** The record that goes to the lane: same key, same bytes, routing headers after the producer's own. */
export function routedRecord(topics: Topics, record: InRecord, decision: RouteDecision): OutRecord {
  const { plan, lane, bucket, requestId } = decision;
  return {
    topic: topics.lane(plan.endpoint, lane),
    partition: record.partition,
    key: record.key,
    value: record.value,
    headers: [
      ...foreignHeaders(record.headers),
      [HEADER.requestId, requestId],
      header(HEADER.source, `${record.partition}@${record.offset}`),
      header(HEADER.bucket, String(bucket)),
      ...planHeaders(plan)[lane],
    ],
  };
}

/**
 * Routes one request. A record beyond the request limit (only a compressed batch can smuggle one in) would not fit the
 * lane: it ends as an error, told by `MillraceError` RECORD_TOO_LARGE, which the service turns into an answer.
 */
export function routeRequest(topics: Topics, cuts: readonly Cut[], record: InRecord): OutRecord {
  const bytes = recordBytes(record);
  if (bytes > REQUEST_BYTES_MAX) throw new MillraceError('RECORD_TOO_LARGE', { bytes, topic: record.topic });
  return routedRecord(topics, record, decideRoute(cuts, record));
}

/** Size of key, value and headers, bytes. */
export function recordBytes(record: InRecord): number {
  let bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const [name, value] of record.headers) bytes += name.length + value.length;
  return bytes;
}

// What depends on the plan alone is computed once per plan. A cache, so a WeakMap: purity is not lost.
const seeds = new WeakMap<RoutePlan, number>();
const headersByPlan = new WeakMap<RoutePlan, Record<Lane, readonly Header[]>>();

function seedOf(plan: RoutePlan): number {
  let seed = seeds.get(plan);
  if (seed === undefined) {
    seed = saltSeed(`${plan.endpoint}/${plan.rollout}`);
    seeds.set(plan, seed);
  }
  return seed;
}

function planHeaders(plan: RoutePlan): Record<Lane, readonly Header[]> {
  let headers = headersByPlan.get(plan);
  if (headers === undefined) {
    headers = { blue: laneHeaders(plan, 'blue'), green: laneHeaders(plan, 'green') };
    headersByPlan.set(plan, headers);
  }
  return headers;
}

function laneHeaders(plan: RoutePlan, lane: Lane): readonly Header[] {
  const model = plan.lanes[lane];
  if (model === null) return [];
  return [
    header(HEADER.version, String(model.version)),
    header(HEADER.digest, model.digest),
    header(HEADER.lane, lane),
    header(HEADER.plan, String(plan.revision)),
  ];
}
