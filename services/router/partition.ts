// Partition: the router's work on one owned partition of E.requests, from fence to loss.
// Reads as the design's new-owner order: fence → cuts to the high watermark and committed offset → seek → route.

import type { Bus, OwnedPartition } from '../../shared/bus/bus.ts';
import type { Table } from '../../shared/control/table.ts';
import { type Clock, sleepUnless } from '../../shared/domain/clock.ts';
import { addCut, type Cut } from '../../shared/domain/cut.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import type { InRecord, OutRecord } from '../../shared/domain/record.ts';
import type { Delivery, RoutePlan } from '../../shared/domain/route-plan.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import type { Log } from '../../shared/telemetry/logger.ts';
import { dueCut, routes } from './core/cuts.ts';
import { routeRequest } from './core/route.ts';
import { cutRecord, ObsoleteCuts, readCuts, tombstone } from './recorded-cuts.ts';
import { refuse } from './refuse.ts';

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

/** Routes one partition until it is lost. Any rejection unfences; the bus starts the work over. */
export async function routePartition(deps: RoutePartitionDeps, owned: OwnedPartition): Promise<void> {
  const { topics, endpoint } = deps;
  await requireDeclared(deps, owned);
  await owned.fence();
  // Whoever owned it before is silent: cuts and offset are both final, and each waits for its own brokers.
  let [cuts, position] = await Promise.all([readCuts(deps, owned), owned.resume()]);
  const obsolete = new ObsoleteCuts(deps, owned);
  while (!owned.lost.aborted) {
    const { changed } = deps.plans;
    const plan = deps.plans.get(endpoint);
    if (!routes(plan)) {
      // Cuts on record do not route by themselves: they may be those of an endpoint that was removed and is defined again,
      // whose first version is not READY yet. Requests wait in their topic.
      await sleepUnless(deps.clock, IDLE_WAIT_MS, changed, owned.lost);
      continue;
    }
    const gone = obsolete.take();
    const outputs = gone.map((old) => tombstone(topics, old));
    cuts = cuts.filter((one) => !gone.includes(one));
    const cut = dueCut(cuts, plan, { partition: owned.partition, position, nowMs: deps.clock.nowMs() });
    if (cut !== null) {
      cuts = addCut(cuts, cut);
      outputs.push(cutRecord(topics, cut));
      obsolete.search(cuts);
      if (deps.delivery === 'at-least-once') {
        // Without a transaction the cut must be on record before anything is routed by it.
        await owned.commit({ outputs: outputs.splice(0), nextOffset: position });
      }
    }
    const taken = await owned.take({
      maxRecords: BATCH_RECORDS_MAX,
      maxBytes: BATCH_BYTES_MAX,
      maxWaitMs: cut === null && outputs.length === 0 ? IDLE_WAIT_MS : 0,
      wake: changed,
    });
    const { routed, refused } = routeAll(deps, cuts, taken.records);
    outputs.push(...routed);
    if (outputs.length > 0 || taken.nextOffset !== position) {
      await owned.commit({ outputs, nextOffset: taken.nextOffset });
      position = taken.nextOffset;
    }
    logCommitted(deps, owned.partition, { cut, refused });
  }
}

/** Partitions that somebody added to the requests alone have no lane and no place for cuts. @throws PARTITION_UNDECLARED */
async function requireDeclared({ bus, topics, endpoint }: RoutePartitionDeps, owned: OwnedPartition): Promise<void> {
  const { topic, partition } = owned;
  const declared = (await bus.admin.partitions(topics.endpoint(endpoint, 'cuts'))) ?? 0;
  if (partition >= declared) throw new MillraceError('PARTITION_UNDECLARED', { topic, partition, endpoint, declared });
}

interface Refused {
  readonly record: InRecord;
  readonly error: MillraceError;
}

/** Every record on its way to its lane, or refused: then its answer and its dead letter are among the routed. */
function routeAll(deps: RoutePartitionDeps, cuts: readonly Cut[], records: readonly InRecord[]) {
  const routed: OutRecord[] = [];
  const refused: Refused[] = [];
  for (const record of records) {
    try {
      routed.push(routeRequest(deps.topics, cuts, record));
    } catch (error) {
      if (!(error instanceof MillraceError) || error.kind !== 'poison') throw error;
      refused.push({ record, error });
      routed.push(...refuse(deps.topics, deps.endpoint, { record, error }));
    }
  }
  return { routed, refused };
}

function logCommitted(
  { endpoint, log }: RoutePartitionDeps,
  partition: number,
  done: { readonly cut: Cut | null; readonly refused: readonly Refused[] },
): void {
  for (const { record, error } of done.refused) {
    const { offset } = record;
    log('dead-letter-written', { service: 'router', endpoint, code: error.code, partition, offset });
  }
  if (done.cut === null) return;
  log('cut-written', { endpoint, partition, revision: done.cut.plan.revision, offset: done.cut.offset });
}
