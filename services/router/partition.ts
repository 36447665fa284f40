// Partition: the router's work on one owned partition of E.requests, from fence to loss.
// Reads as the design's new-owner order: fence → cuts to the high watermark → committed offset → seek → route.

import type { Bus, OwnedPartition } from '../../shared/bus/bus.ts';
import { decodeControl, encodeControl } from '../../shared/codec/control.ts';
import { oipJson } from '../../shared/codec/oip-json.ts';
import type { Table } from '../../shared/control/table.ts';
import { type Clock, sleepUnless } from '../../shared/domain/clock.ts';
import { addCut, type Cut } from '../../shared/domain/cut.ts';
import { errorCode, errorText, MillraceError } from '../../shared/domain/errors.ts';
import { HEADER, header } from '../../shared/domain/headers.ts';
import type { InRecord, OutRecord } from '../../shared/domain/record.ts';
import { refusalRecords } from '../../shared/domain/refusal.ts';
import { requestIdOf } from '../../shared/domain/route.ts';
import type { Delivery, RoutePlan } from '../../shared/domain/route-plan.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import type { Log } from '../../shared/telemetry/logger.ts';
import { dueCut, obsoleteCuts } from './core/cuts.ts';
import { routeRequest } from './core/route.ts';

/** Requests in one transaction at most. */
const BATCH_RECORDS_MAX = 2_000;
/** Bytes in one transaction at most: it must pass well within the transaction timeout. */
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
/** Longest wait for a request; a new plan or the loss of the partition ends it at once. */
const IDLE_WAIT_MS = 1_000;

export interface RoutePartitionDeps {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly log: Log;
  readonly endpoint: string;
  readonly delivery: Delivery;
  readonly plans: Table<RoutePlan>;
}

const encoder = new TextEncoder();

/** Routes one partition until it is lost. Any rejection unfences; the bus starts the work over. */
export async function routePartition(deps: RoutePartitionDeps, owned: OwnedPartition): Promise<void> {
  await owned.fence();
  let cuts = await readCuts(deps, owned.partition);
  let position = await owned.resume();
  while (!owned.lost.aborted) {
    const { changed } = deps.plans;
    const plan = deps.plans.get(deps.endpoint);
    const cut = dueCut(cuts, plan, { partition: owned.partition, position, nowMs: deps.clock.nowMs() });
    if (cut === null && cuts.length === 0) {
      // Nothing may be routed before the endpoint's first plan; requests wait in their topic.
      await sleepUnless(deps.clock, IDLE_WAIT_MS, changed, owned.lost);
      continue;
    }
    const outputs: OutRecord[] = [];
    if (cut !== null) {
      const known = addCut(cuts, cut);
      const gone = obsoleteCuts(known, await earliestRequest(deps, owned.partition));
      outputs.push(...cutRecords(deps, cut, gone));
      cuts = known.filter((one) => !gone.includes(one));
      if (deps.delivery === 'at-least-once') {
        // Without a transaction the cut must be on record before anything is routed by it.
        await owned.commit({ outputs: outputs.splice(0), nextOffset: position });
      }
    }
    const taken = await owned.take({
      maxRecords: BATCH_RECORDS_MAX,
      maxBytes: BATCH_BYTES_MAX,
      maxWaitMs: cut === null ? IDLE_WAIT_MS : 0,
      wake: changed,
    });
    for (const record of taken.records) outputs.push(...route(deps, cuts, record));
    if (outputs.length === 0 && taken.nextOffset === position) continue;
    await owned.commit({ outputs, nextOffset: taken.nextOffset });
    position = taken.nextOffset;
    if (cut !== null)
      deps.log('cut-written', {
        endpoint: deps.endpoint,
        partition: owned.partition,
        revision: cut.plan.revision,
        offset: cut.offset,
      });
  }
}

/** All cuts of the partition, up to the high watermark: what every fenced owner before us committed. */
async function readCuts(deps: RoutePartitionDeps, partition: number): Promise<readonly Cut[]> {
  const topic = deps.topics.endpoint(deps.endpoint, 'cuts');
  const byKey = new Map<string, Cut>();
  for await (const batch of deps.bus.read({ topic, partitions: [partition], from: 'earliest', until: 'end' })) {
    for (const record of batch.records) {
      const key = new TextDecoder().decode(record.key ?? new Uint8Array());
      if (record.value === null) byKey.delete(key);
      else byKey.set(key, decodeControl('cut', record));
    }
  }
  return [...byKey.values()].reduce<readonly Cut[]>(addCut, []);
}

async function earliestRequest(deps: RoutePartitionDeps, partition: number): Promise<number> {
  const offsets = await deps.bus.admin.offsets(deps.topics.endpoint(deps.endpoint, 'requests'));
  return offsets[partition]?.earliest ?? 0;
}

/** The cut's record, and tombstones for cuts that no retained request needs any more. */
function cutRecords(deps: RoutePartitionDeps, cut: Cut, gone: readonly Cut[]): OutRecord[] {
  const topic = deps.topics.endpoint(deps.endpoint, 'cuts');
  const record = (of: Cut, value: OutRecord['value']): OutRecord => ({
    topic,
    partition: of.partition,
    key: encoder.encode(String(of.plan.revision)),
    value,
    headers: [],
  });
  return [record(cut, encodeControl('cut', cut)), ...gone.map((old) => record(old, null))];
}

function route(deps: RoutePartitionDeps, cuts: readonly Cut[], record: InRecord): readonly OutRecord[] {
  try {
    return [routeRequest(deps.topics, cuts, record)];
  } catch (error) {
    if (!(error instanceof MillraceError) || error.kind !== 'poison') throw error;
    return refuse(deps, record, error);
  }
}

/** Error answer and dead letter of a request that fits no lane. Its bytes stay in E.requests: no topic could take them. */
function refuse(deps: RoutePartitionDeps, record: InRecord, error: MillraceError): readonly OutRecord[] {
  const answer = { id: null, endpoint: deps.endpoint, code: errorCode(error), message: errorText(error) };
  return refusalRecords(
    deps.topics,
    { ...record, key: null, value: null, headers: [] },
    {
      endpoint: deps.endpoint,
      code: error.code,
      message: error.message,
      stage: 'router',
      answer: oipJson.encodeError(answer),
      contentType: oipJson.contentType,
      extraHeaders: [
        [HEADER.requestId, requestIdOf(record)],
        header(HEADER.source, `${record.partition}@${record.offset}`),
      ],
    },
  );
}
