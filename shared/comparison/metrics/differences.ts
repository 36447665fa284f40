// Differences: the distribution of shadow − live, of the chosen class's score or of the number, with its sign.
// Invariant: a row counts only where both sides answered.

import { z } from 'zod';
import {
  addValue,
  coarserHistogram,
  emptyHistogram,
  type Histogram,
  histogramSchema,
  mergeHistograms,
} from '../histogram.ts';
import type { Metric } from './metric.ts';
import { columnOf, isAnswered, mergeLists, pointOf, pointsOf, rowsOf, stateAt } from './rows.ts';

export const differences: Metric<Histogram[]> = {
  name: 'differences',
  summary: 'Distribution of shadow − live, of the chosen class’s score or of the number.',
  schema: z.array(histogramSchema).max(1_024),
  empty: () => [],
  add(state, compared, fields) {
    const { live, shadow } = compared;
    if (shadow === null || !isAnswered(compared)) return;
    for (let place = 0; place < fields.length; place++) {
      const of = stateAt(state, place, emptyHistogram);
      const field = fields[place];
      if (field === undefined) continue;
      const points = pointsOf(field, rowsOf(compared, field, place));
      for (let at = 0; at < points; at++) {
        addValue(of, pointOf(columnOf(shadow, place), field, at) - pointOf(columnOf(live, place), field, at));
      }
    }
  },
  merge: (a, b) => mergeLists(a, b, { empty: emptyHistogram, merge: mergeHistograms }),
  coarser: (state, level) => state.map((one) => coarserHistogram(one, level)),
};
