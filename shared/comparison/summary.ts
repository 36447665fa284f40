// Summary: merged metric states as a report.
// Flow: states of all partitions, merged → [pairReport] per pair of versions → [reportOf] → CLI, JSON, page, demo.
// Invariant: where there is no data there is null, never a figure that looks like one.

import type { JoinCounts } from '../domain/comparison.ts';
import { barsOf } from './bars.ts';
import { driftOf, kappaOf, mixDriftOf } from './drift.ts';
import { Examples } from './examples.ts';
import { absolute, emptyHistogram, type Histogram, quantile } from './histogram.ts';
import { accuracy } from './metrics/accuracy.ts';
import { agreement } from './metrics/agreement.ts';
import { answers } from './metrics/answers.ts';
import { CLASS_OTHER, classes, confusedMax } from './metrics/classes.ts';
import { differences } from './metrics/differences.ts';
import type { MetricStates } from './metrics/metric.ts';
import { levelOf, stateOf } from './metrics/registry.ts';
import { scores } from './metrics/scores.ts';
import { scoringTime } from './metrics/scoring-time.ts';
import type { Field } from './outcome.ts';
import type { ComparisonReport, Example, FieldReport, PairReport, Quantiles, SideReport } from './report.ts';

/** Classes of a confusion that people can look at. */
const SHOWN_CLASSES_MAX = 32;

export interface PairStates {
  readonly liveVersion: number;
  /** Null: answers without a pair. */
  readonly shadowVersion: number | null;
  readonly fields: readonly Field[];
  /** Of every partition and commit, merged. */
  readonly states: MetricStates;
}

export function pairReport({ liveVersion, shadowVersion, fields, states }: PairStates): PairReport {
  const time = stateOf(states, scoringTime);
  const { pairs, agreed } = stateOf(states, agreement);
  return {
    live: sideReport({ states, fields }, 'live', liveVersion),
    shadow: shadowVersion === null ? null : sideReport({ states, fields }, 'shadow', shadowVersion),
    pairs: stateOf(states, answers).shadow.answers,
    agreement: share(agreed, pairs),
    fields: fields.map((field, place) => fieldReport(states, field, place)),
    scoringBars: barsOf(time.live, time.shadow),
    labelledRows: stateOf(states, accuracy).rows,
    level: levelOf(states),
  };
}

export function reportOf(of: {
  readonly endpoint: string;
  readonly run: string;
  /** Added up over partitions. */
  readonly counts: JoinCounts;
  readonly pairs: readonly PairReport[];
  /** Of all partitions, in any order. */
  readonly examples: readonly Example[];
}): ComparisonReport {
  const { matched, missingLive, missingShadow, skipped } = of.counts;
  return {
    endpoint: of.endpoint,
    run: of.run,
    counts: of.counts,
    coverage: share(matched, matched + missingLive + missingShadow + skipped),
    pairs: [...of.pairs].sort(
      (a, b) =>
        b.pairs - a.pairs ||
        b.live.answers - a.live.answers ||
        a.live.version - b.live.version ||
        (a.shadow?.version ?? 0) - (b.shadow?.version ?? 0),
    ),
    examples: new Examples(of.examples).items(),
  };
}

function sideReport(
  { states, fields: [field] }: Pick<PairStates, 'states' | 'fields'>,
  side: 'live' | 'shadow',
  version: number,
): SideReport {
  const { both, onlyLive, onlyShadow, neither, liveError, shadowError } = stateOf(states, accuracy);
  const right = both + (side === 'live' ? onlyLive : onlyShadow);
  return {
    version,
    ...stateOf(states, answers)[side],
    scoringUs: quantilesOf(stateOf(states, scoringTime)[side]),
    // Numbers are near a label, or far from it.
    accuracy:
      field === undefined || field.kind === 'number' ? null : share(right, both + onlyLive + onlyShadow + neither),
    labelError: quantilesOf(side === 'live' ? liveError : shadowError),
  };
}

function fieldReport(states: MetricStates, { name, kind }: Field, place: number): FieldReport {
  const { pairs, fields } = stateOf(states, agreement);
  const { live, shadow } = stateOf(states, scores)[place] ?? { live: emptyHistogram(), shadow: emptyHistogram() };
  const { sameClass, kappa, ...chosen } = classReport(states, place);
  const { psi, js } = chosen.mix;
  return {
    name,
    kind,
    agreement: share(fields[place] ?? 0, pairs),
    sameClass,
    kappa,
    ...chosen,
    scores: barsOf(live, shadow),
    drift: kind === 'label' ? { psi, js, ks: null, w1: null } : driftOf(live, shadow),
    difference: quantilesOf(absolute(stateOf(states, differences)[place] ?? emptyHistogram())),
  };
}

function classReport(
  states: MetricStates,
  place: number,
): Pick<FieldReport, 'sameClass' | 'kappa' | 'classes' | 'confusion' | 'mix'> {
  const of = stateOf(states, classes)[place];
  if (of === undefined) {
    const mix = { live: [], shadow: [], psi: null, js: null };
    return { sameClass: null, kappa: null, classes: [], confusion: [], mix };
  }
  const { rows, same, live, shadow, confusion } = of;
  // Classes that the mix does not tell apart would look like agreement by chance.
  const hasOther = (live[CLASS_OTHER] ?? 0) + (shadow[CLASS_OTHER] ?? 0) > 0;
  const shown = commonest(live, shadow, confusedMax(levelOf(states)));
  return {
    sameClass: share(same, rows),
    kappa: hasOther || rows === 0 ? null : kappaOf({ same, live, shadow }),
    classes: shown,
    confusion: rows === 0 ? [] : shown.map((a) => shown.map((b) => confusion[a]?.[b] ?? 0)),
    mix: {
      live: shown.map((one) => live[one] ?? 0),
      shadow: shown.map((one) => shadow[one] ?? 0),
      ...mixDriftOf(live, shadow),
    },
  };
}

/** The classes with the most rows on both sides together, of those that the confusion has, within ±`max`; ascending. */
function commonest(
  live: Readonly<Record<string, number>>,
  shadow: Readonly<Record<string, number>>,
  max: number,
): number[] {
  const rows = (one: number) => (live[one] ?? 0) + (shadow[one] ?? 0);
  return [...new Set([...Object.keys(live), ...Object.keys(shadow)])]
    .map(Number)
    .filter((one) => Math.abs(one) <= max)
    .sort((a, b) => rows(b) - rows(a) || a - b)
    .slice(0, SHOWN_CLASSES_MAX)
    .sort((a, b) => a - b);
}

function quantilesOf(histogram: Histogram): Quantiles {
  return { p50: quantile(histogram, 0.5), p90: quantile(histogram, 0.9), p99: quantile(histogram, 0.99) };
}

function share(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
