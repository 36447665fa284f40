// DenseStates: metric states in which nearly every place holds something, as they are after very many answers of every kind.
// Method: made by hand, since to count so many answers would take minutes.

import { COMPARISON_START, type SavedComparison } from '../../shared/comparison/comparison.ts';
import { emptyHistogram, type Histogram, PLACE_MAX } from '../../shared/comparison/histogram.ts';
import type { MetricStates } from '../../shared/comparison/metrics/metric.ts';
import { emptyStates } from '../../shared/comparison/metrics/registry.ts';
import { TICKS_MAX } from '../../shared/domain/comparison.ts';

export interface Density {
  /** Outputs that are numbers or scores, and outputs that are labels. */
  readonly numbers: number;
  readonly labels: number;
  /** Every so manieth place of a histogram is taken. */
  readonly everyPlace: number;
  /** Labels within ±. */
  readonly within: number;
  /** What every place counts. */
  readonly count: number;
}

export function denseStates(density: Density): MetricStates {
  const { numbers, labels, within, count } = density;
  const histogram = denseHistogram(density);
  const none = emptyHistogram();
  const rows = Object.fromEntries(classesWithin(within).map((key) => [key, count]));
  const label = {
    ...{ rows: count, same: count, live: rows, shadow: rows },
    confusion: Object.fromEntries(classesWithin(within).map((key) => [key, rows])),
  };
  const number = { rows: 0, same: 0, live: {}, shadow: {}, confusion: {} };
  const fields = <Of>(ofNumber: Of, ofLabel: Of): Of[] => [
    ...new Array<Of>(numbers).fill(ofNumber),
    ...new Array<Of>(labels).fill(ofLabel),
  ];
  return {
    ...emptyStates(),
    classes: fields(number, label),
    scores: fields({ live: histogram, shadow: histogram }, { live: none, shadow: none }),
    differences: fields(histogram, none),
    'scoring-time': { live: histogram, shadow: histogram },
  };
}

function denseHistogram({ everyPlace, count }: Density): Histogram {
  const places: Record<string, number> = {};
  for (let place = 1; place <= PLACE_MAX; place += everyPlace) places[place] = count;
  return { zero: count, positive: places, negative: places };
}

function classesWithin(max: number): number[] {
  return Array.from({ length: 2 * max + 1 }, (_, at) => at - max);
}

/** A join whose state takes as much room as it can. */
export function fullJoin(): SavedComparison['join'] {
  const late = Array.from({ length: 1_000 }, (_, at) => 2 ** 40 + at);
  const { join } = COMPARISON_START;
  return {
    ...join,
    live: { ...join.live, late },
    shadow: { ...join.shadow, late },
    skipped: late.map((from) => ({ from, to: from + 1 })),
    ticks: late.slice(-TICKS_MAX).map((at) => ({ liveOffset: at, shadowOffset: at, liveClosed: at, shadowClosed: at })),
  };
}
