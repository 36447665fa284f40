// Scoring time: the distribution of each side's time in the model's process, microseconds.
// Invariant: whatever is known counts, of error answers too: a version that fails slowly is slow.

import { z } from 'zod';
import { addValue, coarserHistogram, emptyHistogram, histogramSchema, mergeHistograms } from '../histogram.ts';
import type { Metric } from './metric.ts';

const schema = z.strictObject({ live: histogramSchema, shadow: histogramSchema });

export const scoringTime: Metric<z.infer<typeof schema>> = {
  name: 'scoring-time',
  summary: 'Distribution of each side’s time in the model’s process, microseconds.',
  schema,
  empty: () => ({ live: emptyHistogram(), shadow: emptyHistogram() }),
  add(state, { live, shadow }) {
    if (live.scoringUs !== null) addValue(state.live, live.scoringUs);
    if (shadow !== null && shadow.scoringUs !== null) addValue(state.shadow, shadow.scoringUs);
  },
  merge: (a, b) => ({ live: mergeHistograms(a.live, b.live), shadow: mergeHistograms(a.shadow, b.shadow) }),
  coarser: ({ live, shadow }, level) => ({
    live: coarserHistogram(live, level),
    shadow: coarserHistogram(shadow, level),
  }),
};
