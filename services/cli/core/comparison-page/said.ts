// Said: one side's answer in an example, in words; the rows of tables that text and page share.
// Flow: Example, ComparisonReport → [said] → text table, HTML page.

import type { ComparisonReport, Example, SideReport } from '../../../../shared/comparison/report.ts';
import { countText, NOTHING, numberText } from './numbers.ts';

const VALUES_MAX = 6;

/** `7 (0.98)` for classes, else the values; fields apart by `;`. An error answer has no values. */
export function saidText(report: ComparisonReport, example: Example, values: readonly (readonly number[])[]): string {
  if (values.length === 0) return 'an error';
  const { liveVersion, shadowVersion } = example;
  const pair = report.pairs.find(
    ({ live, shadow }) => live.version === liveVersion && shadow?.version === shadowVersion,
  );
  return values
    .map((row, at) => {
      if (pair?.fields[at]?.kind !== 'classes')
        return row
          .slice(0, VALUES_MAX)
          .map((value) => numberText(value))
          .join(', ');
      const best = row.reduce((top, value, place) => (value > (row[top] ?? 0) ? place : top), 0);
      return `${best} (${numberText(row[best])})`;
    })
    .join('; ');
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
