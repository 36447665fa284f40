// ReplayShadow: recorded requests scored by a candidate now, and compared with the answers that were given then.
// Flow: E.requests (from a time to where it ends now) → sampled → scored → joined with E.predictions and labels → report.
// Invariant: writes nothing and joins no group, so that live traffic goes on beside it.

import type { Bus } from '../../shared/bus/bus.ts';
import { mergedReport } from '../../shared/comparing/reports.ts';
import type { ComparisonReport } from '../../shared/comparison/report.ts';
import type { Clock } from '../../shared/domain/clock.ts';
import { type ModelRef, WEIGHT_BP_ALL } from '../../shared/domain/route-plan.ts';
import type { PlanShadow } from '../../shared/domain/shadow.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import type { Versions } from '../../shared/serving/versions.ts';
import { PartitionReplay } from './replay-partition.ts';

export interface ReplayOptions {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly endpoint: string;
  readonly model: ModelRef;
  readonly versions: Versions;
  readonly clock: Clock;
  /** Requests from this time on, milliseconds since the epoch. */
  readonly fromMs: number;
  /** Part of them that is scored, basis points. */
  readonly sampleBp: number;
  readonly tolerances: PlanShadow['tolerances'];
  /** Requests of a partition that may follow before a label comes. Outcomes of twice as many are kept per partition. */
  readonly labelWindow: number;
  readonly signal: AbortSignal;
  /** Requests that are done, of so many. */
  readonly onProgress: (done: number, total: number) => void;
}

/** All that is on record, labels as late as a comparator takes them by default. */
export const REPLAY_DEFAULTS = { fromMs: 0, sampleBp: WEIGHT_BP_ALL, tolerances: [], labelWindow: 50_000 } as const;

/** @throws MODEL_UNAVAILABLE when the candidate ends for good; TOPIC_UNKNOWN; TIMED_OUT when interrupted */
export async function replayShadow(options: ReplayOptions): Promise<ComparisonReport> {
  const { bus, topics, endpoint, fromMs, model, onProgress } = options;
  const requests = topics.endpoint(endpoint, 'requests');
  const places = await bus.admin.offsets(requests);
  const done = new Map<number, number>();
  const starts = new Map<number, number>();
  const total = () => places.reduce((sum, { partition, end }) => sum + end - (starts.get(partition) ?? end), 0);
  const parts = await Promise.all(
    places.map(async ({ partition, end }) => {
      const replay = new PartitionReplay(options, partition);
      return replay.run({ timestampMs: fromMs }, end, (start, position) => {
        starts.set(partition, start);
        done.set(partition, position - start);
        onProgress(
          [...done.values()].reduce((sum, count) => sum + count, 0),
          total(),
        );
      });
    }),
  );
  return mergedReport({ endpoint, run: `replay/${model.version}` }, parts);
}
