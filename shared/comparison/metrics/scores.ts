// Scores: the distribution of each side's numbers: the score of the class that it chose, or the number that it gave.
// Invariant: both sides are counted over the same requests: where one answered with an error, neither is.

import { z } from 'zod';
import { addValue, coarserHistogram, emptyHistogram, histogramSchema, mergeHistograms } from '../histogram.ts';
import type { Metric } from './metric.ts';
import { columnOf, isAnswered, mergeLists, pointOf, pointsOf, rowsOf, stateAt } from './rows.ts';

const fieldSchema = z.strictObject({ live: histogramSchema, shadow: histogramSchema });
const schema = z.array(fieldSchema).max(1_024);
type FieldScores = z.infer<typeof fieldSchema>;

export const scores: Metric<FieldScores[]> = {
  name: 'scores',
  summary: 'Distribution of the chosen class’s score, or of the number, of each side.',
  schema,
  empty: () => [],
  add(state, compared, fields) {
    if (!isAnswered(compared)) return;
    const { live, shadow } = compared;
    for (let place = 0; place < fields.length; place++) {
      const of = stateAt(state, place, emptyField);
      const field = fields[place];
      if (field === undefined) continue;
      const points = pointsOf(field, rowsOf(compared, field, place));
      for (let at = 0; at < points; at++) {
        addValue(of.live, pointOf(columnOf(live, place), field, at));
        if (shadow !== null) addValue(of.shadow, pointOf(columnOf(shadow, place), field, at));
      }
    }
  },
  merge: (a, b) =>
    mergeLists(a, b, {
      empty: emptyField,
      merge: (x, y) => ({ live: mergeHistograms(x.live, y.live), shadow: mergeHistograms(x.shadow, y.shadow) }),
    }),
  coarser: (state, level) =>
    state.map(({ live, shadow }) => ({
      live: coarserHistogram(live, level),
      shadow: coarserHistogram(shadow, level),
    })),
};

function emptyField(): FieldScores {
  return { live: emptyHistogram(), shadow: emptyHistogram() };
}
