// Route: which version answers a request, from what is on record and nothing else.
// Flow: the router decides by it, `explain` and audits recompute it.
// Invariant: a pure function of (cuts, partition, offset, key): a new owner, a replay and an auditor get the same answer.

import { bucketOf, saltSeed } from './bucket.ts';
import { type Cut, cutAt } from './cut.ts';
import { HEADER, headerBytes } from './headers.ts';
import type { Bytes, InRecord } from './record.ts';
import { type Lane, laneOf, type ModelRef, type RoutePlan } from './route-plan.ts';

/** Where a request goes, and why. */
export interface RouteDecision {
  readonly plan: RoutePlan;
  readonly lane: Lane;
  readonly model: ModelRef;
  /** 0..9999 */
  readonly bucket: number;
}

const encoder = new TextEncoder();

/** A longer `ce_id` is no id: lane records carry the id a second time, and must fit their topic. */
export const REQUEST_ID_BYTES_MAX = 1_024;

/** Request id: the `ce_id` header, else `topic-partition-offset`, as UTF-8. */
export function requestIdOf(record: InRecord): Bytes {
  const id = headerBytes(record.headers, HEADER.cloudEventId);
  if (id !== null && id.length <= REQUEST_ID_BYTES_MAX) return id;
  return encoder.encode(`${record.topic}-${record.partition}-${record.offset}`);
}

/** Decision for one request under the cut that governs its offset; null when no plan routes it. */
export function decideRoute(cuts: readonly Cut[], record: InRecord): RouteDecision | null {
  const cut = cutAt(cuts, record.offset);
  if (cut === null) return null;
  const { plan } = cut;
  const bucket = bucketOf(seedOf(plan), record.key ?? requestIdOf(record));
  const lane = laneOf(plan, bucket);
  const model = lane === null ? null : plan.lanes[lane];
  return lane === null || model === null ? null : { plan, lane, model, bucket };
}

// The seed depends on the plan alone and is computed once per plan. A cache, so purity is not lost.
const seeds = new WeakMap<RoutePlan, number>();

function seedOf(plan: RoutePlan): number {
  const known = seeds.get(plan);
  if (known !== undefined) return known;
  const seed = saltSeed(`${plan.endpoint}/${plan.rollout}`);
  seeds.set(plan, seed);
  return seed;
}
