// ReplayShadow: recorded requests scored by a candidate now, and compared with the answers that were given then.
// Flow: E.requests (from a time to where it ends now) → sampled → scored → joined with E.predictions and labels → report.
// Invariant: writes nothing and joins no group, so that live traffic goes on beside it.

import { mergedReport } from '../../shared/comparing/reports.ts';
import type { ComparisonReport } from '../../shared/comparison/report.ts';
import type { ReplayOptions } from './replay-options.ts';
import { PartitionReplay } from './replay-partition.ts';

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
