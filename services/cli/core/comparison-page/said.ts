// Said: one side's answer in an example, in words; the rows of tables that text and page share.
// Flow: Example, ComparisonReport → [said] → text table, HTML page.

import type {
  ComparisonReport,
  Example,
  FieldReport,
  PairReport,
  Quantiles,
  SideReport,
} from '../../../../shared/comparison/report.ts';
import { countText, NOTHING, nothing, numberText, shareText, timeText } from './numbers.ts';

const VALUES_MAX = 6;

/** `7 (0.98)` for classes, else the values; fields apart by `;`. An error answer has no values. */
export function saidText({ pairs }: ComparisonReport, example: Example, side: 'live' | 'shadow'): string {
  const values = example[side];
  if (values.length === 0) return 'an error';
  const { liveVersion, shadowVersion } = example;
  const pair = pairs.find(({ live, shadow }) => live.version === liveVersion && shadow?.version === shadowVersion);
  return values
    .map((row, at) => {
      if (pair?.fields[at]?.kind !== 'classes') return valuesText(row);
      const chosen = example.chosen?.[side][at];
      // Without it there are more values than are kept, and nobody knows which class it was.
      return chosen == null ? valuesText(row) : `${chosen.class} (${numberText(chosen.score)})`;
    })
    .join('; ');
}

function valuesText(row: readonly number[]): string {
  return row
    .slice(0, VALUES_MAX)
    .map((value) => numberText(value))
    .join(', ');
}

export function errorsText({ errors }: SideReport): string {
  const found = Object.entries(errors).filter(([, count]) => count > 0);
  return found.map(([code, count]) => `${countText(count)} ${code}`).join(', ') || 'none';
}

export function placeText(place: Example['at']['request'] | null): string {
  return place === null ? NOTHING : `${place.topic}-${place.partition}@${place.offset}`;
}

export const COUNT_TITLES = [
  'matched',
  'missing live',
  'missing shadow',
  'late',
  'duplicate',
  'skipped',
  'unreadable',
  'labelled',
];

export function countCells({ counts: c }: ComparisonReport): string[] {
  const all = [c.matched, c.missingLive, c.missingShadow, c.late, c.duplicate, c.skipped, c.unreadable, c.labelled];
  return all.map(countText);
}

export const SIDE_TITLES = ['answers', 'errors', 'accuracy', 'label error p50 / p99', 'scoring p50', 'scoring p99'];

/** Accuracy is of classes and labels, the error of numbers. */
export function sideCells({ labelledRows }: PairReport, side: SideReport): string[] {
  const { answers, accuracy, labelError, scoringUs } = side;
  const unknown = labelledRows === 0 ? 'no labels' : 'no answers';
  const reason = labelError.p50 === null ? unknown : 'number';
  return [
    countText(answers),
    errorsText(side),
    shareText(accuracy, reason),
    rangeText(labelError),
    timeText(scoringUs.p50),
    timeText(scoringUs.p99),
  ];
}

export const FIELD_TITLES = [
  ...['agreement', 'same class', 'kappa', '|Δ| p50 / p99'],
  ...['mix PSI', 'mix JS', 'PSI', 'JS', 'KS', 'W1'],
];

export function fieldCells({ kind, agreement, sameClass, kappa, difference, mix, drift }: FieldReport): string[] {
  const classes = (text: string) => (kind === 'number' ? nothing('number') : text);
  const distances = [mix.psi, mix.js, drift.psi, drift.js, drift.ks, drift.w1].map((distance) => numberText(distance));
  return [
    shareText(agreement),
    classes(shareText(sameClass)),
    classes(numberText(kappa)),
    rangeText(difference),
    ...distances,
  ];
}

function rangeText({ p50, p99 }: Quantiles): string {
  return p50 === null ? NOTHING : `${numberText(p50)} / ${numberText(p99)}`;
}
