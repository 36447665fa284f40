// Lane: the scorer's work on one owned partition of a lane topic, from fence to loss.
// Reads as: take a batch, answer it (all scoring, outside any transaction), commit answers and offset, while the next
// batch, where one is full, is scored already.

import type { OwnedPartition, Taken } from '../../shared/bus/bus.ts';
import type { OutRecord } from '../../shared/domain/record.ts';
import { isVersionFailure } from '../../shared/scoring/isolate.ts';
import { type AnswerContext, answerBatch } from './answer-batch.ts';
import { BATCH_RECORDS_FIRST, nextBatchLimit } from './core/batch-size.ts';

/** Bytes of one batch at most: what is decoded between two turns of the event loop. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024;
/** Longest wait for a record. */
const IDLE_WAIT_MS = 1_000;
/** Pause before a batch is tried again whose version is down with nobody to stand in. */
const VERSION_RETRY_MS = 250;

/** Answers one lane partition until it is lost. Any rejection unfences; the bus starts the work over. */
export async function answerLane(deps: AnswerContext, owned: OwnedPartition): Promise<void> {
  await owned.fence();
  let position = await owned.resume();
  let committing: Promise<void> = Promise.resolve();
  let limit = BATCH_RECORDS_FIRST;
  while (!owned.lost.aborted) {
    const taken = await takeBehind(committing, owned, limit);
    if (taken.nextOffset === position) continue;
    position = taken.nextOffset;
    const startMs = deps.clock.nowMs();
    const outputs = await answerPatiently(deps, owned, taken.records);
    if (taken.records.length > 0) limit = nextBatchLimit(limit, taken.records.length, deps.clock.nowMs() - startMs);
    await committing;
    if (outputs === null) return;
    committing = owned.commit({ outputs, nextOffset: taken.nextOffset });
    // Awaited before the next commit and at the end; until then a rejection is not unhandled.
    committing.catch(() => {});
  }
  await committing;
}

/** The next batch. After a failed commit a take only says that it came too late: the commit's own failure is told instead. */
async function takeBehind(committing: Promise<void>, owned: OwnedPartition, maxRecords: number): Promise<Taken> {
  try {
    return await owned.take({ maxRecords, maxBytes: BATCH_BYTES_MAX, maxWaitMs: IDLE_WAIT_MS });
  } catch (error) {
    await committing;
    throw error;
  }
}

/** Tries again while an incumbent is down; null when the partition was lost meanwhile. */
async function answerPatiently(
  deps: AnswerContext,
  owned: OwnedPartition,
  records: Parameters<typeof answerBatch>[1],
): Promise<OutRecord[] | null> {
  for (let degraded = false; ; degraded = true) {
    try {
      return await answerBatch(deps, records);
    } catch (error) {
      if (!isVersionFailure(error)) throw error;
      if (!degraded) deps.log('endpoint-degraded', { endpoint: deps.endpoint, partition: owned.partition, error });
      await deps.clock.sleep(VERSION_RETRY_MS, owned.lost);
      if (owned.lost.aborted) return null;
    }
  }
}
