// Route: the record that takes a request to its lane. Never decodes a payload; knows no strategy.
// Flow: E.requests → [route] → E.lane.blue | E.lane.green.
// Invariant: same key, same bytes, same partition; the producer's headers pass through, ours follow.

import type { Cut } from '../../../shared/domain/cut.ts';
import { assert, MillraceError } from '../../../shared/domain/errors.ts';
import { foreignHeaders, HEADER, header } from '../../../shared/domain/headers.ts';
import {
  formatSource,
  HEADERS_MAX,
  type Header,
  type InRecord,
  type OutRecord,
} from '../../../shared/domain/record.ts';
import { encodedBytes } from '../../../shared/domain/record-bytes.ts';
import { decideRoute, type RouteDecision, requestIdOf } from '../../../shared/domain/route.ts';
import type { Lane, RoutePlan } from '../../../shared/domain/route-plan.ts';
import { REQUEST_BYTES_MAX, type Topics } from '../../../shared/domain/topics.ts';

/**
 * Routes one request.
 * @throws REQUEST_UNREADABLE for more headers than are read.
 *         RECORD_TOO_LARGE for a record that E.requests would not have taken by itself (only a compressed batch can
 *         smuggle one in): it may not fit the lane. ASSERTION when no cut governs the offset: the loop must not come here then.
 */
export function routeRequest(topics: Topics, cuts: readonly Cut[], record: InRecord): OutRecord {
  const bytes = encodedBytes(record);
  if (bytes > REQUEST_BYTES_MAX) throw new MillraceError('RECORD_TOO_LARGE', { bytes, topic: record.topic });
  const { length } = record.headers;
  if (length > HEADERS_MAX)
    throw new MillraceError('REQUEST_UNREADABLE', { detail: `more than ${HEADERS_MAX} headers` });
  const decision = decideRoute(cuts, record);
  assert(decision !== null, `no plan routes ${record.partition}@${record.offset}`);
  return {
    topic: topics.lane(decision.plan.endpoint, decision.lane),
    partition: record.partition,
    key: record.key,
    value: record.value,
    headers: [...foreignHeaders(record.headers), ...requestHeaders(record, decision), ...planHeaders(decision)],
  };
}

function requestHeaders(record: InRecord, decision: RouteDecision): Header[] {
  return [
    [HEADER.requestId, requestIdOf(record)],
    header(HEADER.source, formatSource(record)),
    header(HEADER.bucket, String(decision.bucket)),
  ];
}

// What depends on plan and lane alone is encoded once. A cache, so purity is not lost.
const headersByPlan = new WeakMap<RoutePlan, Partial<Record<Lane, readonly Header[]>>>();

function planHeaders({ plan, lane, model }: RouteDecision): readonly Header[] {
  const byLane = headersByPlan.get(plan) ?? {};
  const known = byLane[lane];
  if (known !== undefined) return known;
  const headers = [
    header(HEADER.version, String(model.version)),
    header(HEADER.digest, model.digest),
    header(HEADER.lane, lane),
    header(HEADER.plan, String(plan.revision)),
  ];
  headersByPlan.set(plan, { ...byLane, [lane]: headers });
  return headers;
}
