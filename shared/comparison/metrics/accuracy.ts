// Accuracy: who was right, where the truth is known: the first field against the label of each row.
// Invariants: an error answer is never right: a version that fails on hard rows does not look better for it. It counts the same
//             before the first answer has shown the fields: labels come in any order. Of answers without a shadow, `onlyLive`
//             and `neither` count right and wrong.

import { z } from 'zod';
import { addValue, coarserHistogram, emptyHistogram, histogramSchema, mergeHistograms } from '../histogram.ts';
import type { Metric } from './metric.ts';

const count = z.int().min(0);
const schema = z.strictObject({
  /** Rows with a label. */
  rows: count,
  both: count,
  onlyLive: count,
  onlyShadow: count,
  neither: count,
  /** |answer − label| of numbers; with a shadow only of rows on which both sides have one. */
  liveError: histogramSchema,
  shadowError: histogramSchema,
});

export const accuracy: Metric<z.infer<typeof schema>> = {
  name: 'accuracy',
  summary: 'Labelled rows by which side was right, and the error of numbers.',
  schema,
  empty: () => ({
    rows: 0,
    both: 0,
    onlyLive: 0,
    onlyShadow: 0,
    neither: 0,
    liveError: emptyHistogram(),
    shadowError: emptyHistogram(),
  }),
  add() {
    // Without a label nobody knows.
  },
  addLabel(state, { live, shadow }, label, fields) {
    const [field] = fields;
    for (let row = 0; row < label.length; row++) {
      const truth = label[row] ?? Number.NaN;
      // An error answer has no rows.
      const [said, other] = [live.answers[row], shadow?.answers[row]];
      state.rows += 1;
      if (said === undefined && other === undefined) {
        state.neither += 1;
        continue;
      }
      if (field?.kind === 'number') {
        const ours = Math.abs((said ?? Number.NaN) - truth);
        const theirs = Math.abs((other ?? Number.NaN) - truth);
        // A side that fails on hard rows would seem closer to the labels for it.
        if (shadow !== null && Number.isNaN(ours + theirs)) continue;
        // What is not a number is not counted: theirs without a shadow.
        addValue(state.liveError, ours);
        addValue(state.shadowError, theirs);
        continue;
      }
      const ours = said === truth;
      const theirs = other === truth;
      if (ours && theirs) state.both += 1;
      else if (ours) state.onlyLive += 1;
      else if (theirs) state.onlyShadow += 1;
      else state.neither += 1;
    }
  },
  merge: (a, b) => ({
    rows: a.rows + b.rows,
    both: a.both + b.both,
    onlyLive: a.onlyLive + b.onlyLive,
    onlyShadow: a.onlyShadow + b.onlyShadow,
    neither: a.neither + b.neither,
    liveError: mergeHistograms(a.liveError, b.liveError),
    shadowError: mergeHistograms(a.shadowError, b.shadowError),
  }),
  coarser: (state, level) => ({
    ...state,
    liveError: coarserHistogram(state.liveError, level),
    shadowError: coarserHistogram(state.shadowError, level),
  }),
};
