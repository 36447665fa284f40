// Partition: a shadow's work on one owned partition of E.requests, from fence to loss.
// Reads as: begin where the plan says → while the gate is open: take, sample, score (outside any transaction), commit the
//           outputs with a mark of the progress; pass over what is too far behind, and say so.

import type { Bus, OwnedPartition, ReadFrom } from '../../shared/bus/bus.ts';
import { type Clock, sleepUnless } from '../../shared/domain/clock.ts';
import type { InRecord, OutRecord } from '../../shared/domain/record.ts';
import { requestIdOf } from '../../shared/domain/route.ts';
import type { Delivery } from '../../shared/domain/route-plan.ts';
import { type PlanShadow, type ShadowMark, samplerOf } from '../../shared/domain/shadow.ts';
import { isVersionFailure } from '../../shared/scoring/isolate.ts';
import { type CopiesContext, scoreCopies } from '../../shared/serving/copies.ts';
import type { Log } from '../../shared/telemetry/logger.ts';
import { gateState } from './core/gate.ts';
import { markRecord, sinceOf, skipTarget } from './progress.ts';

/** Requests of one batch and transaction at most: a batch is small, so that a closing gate is soon obeyed. */
const BATCH_RECORDS_MAX = 512;
const BATCH_BYTES_MAX = 4 * 1024 * 1024;
/** Longest wait for a request, for an open gate, and between two looks at the lag. */
const IDLE_WAIT_MS = 1_000;
/** Pause before a batch is tried again whose version is down. */
const VERSION_RETRY_MS = 250;

export interface ShadowPartitionDeps extends CopiesContext {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly delivery: Delivery;
  readonly shadow: PlanShadow;
  /** Requests that wait on the live road; null while nobody knows. */
  readonly liveLag: () => number | null;
}

/** Scores one partition's copies until it is lost. Any rejection unfences; the bus starts the work over. */
export async function shadowPartition(deps: ShadowPartitionDeps, owned: OwnedPartition): Promise<void> {
  const work = new ShadowWork(deps, owned);
  await work.begin();
  while (!owned.lost.aborted) {
    if (await work.passOver()) continue;
    if (await work.gateOpen()) await work.step();
    else await deps.clock.sleep(IDLE_WAIT_MS, owned.lost);
  }
}

class ShadowWork {
  readonly #deps: ShadowPartitionDeps;
  readonly #owned: OwnedPartition;
  readonly #isSampled: (requestId: Uint8Array) => boolean;
  #position = 0;
  #nextLookMs = 0;
  /** Of the gate `batch`: the run that goes on, and the end of its requests. Undefined until the gate was looked at. */
  #batch: { readonly name: string; readonly end: number } | null | undefined;

  constructor(deps: ShadowPartitionDeps, owned: OwnedPartition) {
    this.#deps = deps;
    this.#owned = owned;
    this.#isSampled = samplerOf(deps.endpoint, deps.shadow.sampleBp);
  }

  async begin(): Promise<void> {
    await this.#owned.fence();
    this.#position = await this.#owned.resume(startOf(this.#deps.shadow));
    // The first commit records where this shadow begins: the next owner goes on there, whatever "now" is then.
    await this.#commit([], { kind: 'begun', from: this.#position, to: this.#position });
  }

  /** Drops what is too far behind; true when it did. */
  async passOver(): Promise<boolean> {
    const { clock, shadow } = this.#deps;
    if (clock.nowMs() < this.#nextLookMs) return false;
    this.#nextLookMs = clock.nowMs() + IDLE_WAIT_MS;
    const to = skipTarget(this.#position, await this.#end(), shadow.maxLag);
    if (to === null) return false;
    const { endpoint, model, log } = this.#deps;
    const { partition } = this.#owned;
    await this.#commit([], { kind: 'skipped', from: this.#position, to });
    log('shadow-skipped', { endpoint, version: model.version, partition, records: to - this.#position });
    this.#position = await this.#owned.resume();
    return true;
  }

  async gateOpen(): Promise<boolean> {
    const { clock, shadow, liveLag } = this.#deps;
    const state = gateState(shadow.gate, { nowMs: clock.nowMs(), liveLag: liveLag() });
    const isFirstLook = this.#batch === undefined;
    this.#batch ??= null;
    if (!state.open || state.batch === null) return state.open;
    const { name, beganMs } = state.batch;
    if (this.#batch?.name !== name) {
      this.#batch = { name, end: isFirstLook ? await this.#endAt(beganMs) : await this.#end() };
    }
    return this.#position < this.#batch.end;
  }

  /** One batch. */
  async step(): Promise<void> {
    const taken = await this.#owned.take({
      maxRecords: BATCH_RECORDS_MAX,
      maxBytes: BATCH_BYTES_MAX,
      maxWaitMs: IDLE_WAIT_MS,
    });
    if (taken.nextOffset === this.#position) return;
    const to = Math.min(taken.nextOffset, this.#batch?.end ?? taken.nextOffset);
    const due = taken.records.filter(({ offset }) => offset < to);
    const outputs = await this.#scorePatiently(due.filter((record) => this.#isSampled(requestIdOf(record))));
    if (outputs === null) return;
    await this.#commit(outputs, { kind: 'done', from: this.#position, to });
    this.#position = to;
    // What was taken beyond the end of the run is taken again by the next one.
    if (to < taken.nextOffset) this.#position = await this.#owned.resume();
  }

  /** Tries again while the version is down; null when the partition was lost meanwhile, or the batch dropped. */
  async #scorePatiently(sampled: readonly InRecord[]): Promise<OutRecord[] | null> {
    const { versions, model, clock } = this.#deps;
    for (;;) {
      try {
        return await scoreCopies(this.#deps, sampled);
      } catch (error) {
        if (!isVersionFailure(error)) throw error;
        versions.revive(model);
        await sleepUnless(clock, VERSION_RETRY_MS, this.#owned.lost);
        if (this.#owned.lost.aborted || (await this.passOver())) return null;
      }
    }
  }

  async #commit(outputs: readonly OutRecord[], progress: Pick<ShadowMark, 'kind' | 'from' | 'to'>): Promise<void> {
    const { topics, endpoint, rollout, model, clock, shadow } = this.#deps;
    const nowMs = clock.nowMs();
    const mark = markRecord(topics, {
      endpoint,
      rollout,
      version: model.version,
      partition: this.#owned.partition,
      sinceMs: progress.kind === 'begun' ? sinceOf(shadow, nowMs) : 0,
      terms: progress.kind === 'begun' ? termsOf(shadow) : null,
      atMs: nowMs,
      ...progress,
    });
    await this.#owned.commit({ outputs: [...outputs, mark], nextOffset: progress.to });
  }

  async #end(): Promise<number> {
    const { topic, partition } = this.#owned;
    const [offsets] = await this.#deps.bus.admin.offsets(topic, [partition]);
    return offsets?.end ?? this.#position;
  }

  /** Where the partition ended then, for who did not see it: by the timestamps of its requests. */
  async #endAt(timestampMs: number): Promise<number> {
    const { topic, partition, lost } = this.#owned;
    const place = { topic, partitions: [partition], until: 'end', signal: lost } as const;
    for await (const { records, nextOffset } of this.#deps.bus.read({ ...place, from: { timestampMs } })) {
      return records[0]?.offset ?? nextOffset;
    }
    return this.#position;
  }
}

function termsOf({ digest, sampleBp, tolerances }: PlanShadow): ShadowMark['terms'] {
  return { digest, sampleBp, tolerances };
}

function startOf({ from }: PlanShadow): ReadFrom {
  if (from.kind === 'now') return 'latest';
  return from.kind === 'offset' ? from.at : { timestampMs: from.at };
}
