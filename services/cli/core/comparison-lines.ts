// ComparisonLines: one comparison as text for people.
// Flow: ComparisonReport → [comparisonLines] → terminal.
// Invariant: what comes from records is printable; a number that is not there is `-`, with the reason where it is short.

import type { ComparisonReport, PairReport } from '../../../shared/comparison/report.ts';
import { agreementOf, disagreement, isBaseline, judge, netFields, noiseFloor } from './comparison-page/judgement.ts';
import { countText, numberText, shareText } from './comparison-page/numbers.ts';
import {
  COUNT_TITLES,
  countCells,
  FIELD_TITLES,
  fieldCells,
  placeText,
  SIDE_TITLES,
  saidText,
  sideCells,
} from './comparison-page/said.ts';
import { clipped, printable } from './printable.ts';
import { renderTable } from './table.ts';

const CLASSES_MAX = 12;
const CELL_CHARS_MAX = 60;

/**
 * @param options `top`: disagreements shown, ≥ 0; `width`: columns of the terminal, null for any; `among`: comparisons of the same
 *        endpoint, in which the noise baseline may be
 */
export function comparisonLines(
  report: ComparisonReport,
  options: { readonly top: number; readonly width: number | null; readonly among: readonly ComparisonReport[] },
): string[] {
  const { headline, warnings } = judge(report, options.among);
  const table = (header: readonly string[], rows: readonly (readonly string[])[]) =>
    rows.length === 0
      ? []
      : [
          '',
          ...renderTable(
            header,
            rows.map((row) => row.map((cell) => clipped(cell, CELL_CHARS_MAX))),
            { width: options.width },
          ),
        ];
  const upper = (titles: readonly string[]) => titles.map((title) => title.toUpperCase());
  const worst = report.examples.filter(({ why }) => why === 'worst').slice(0, options.top);
  return [
    `${printable(report.endpoint)}: run ${printable(report.run)}`,
    printable(headline),
    ...warnings.map((warning) => `! ${printable(warning)}`),
    ...table(['COVERAGE', ...upper(COUNT_TITLES)], [[shareText(report.coverage), ...countCells(report)]]),
    ...table(
      ['VERSIONS', 'PAIRS', 'AGREEMENT', 'DISAGREEMENT', 'NOISE FLOOR'],
      report.pairs.map((pair) => pairRow(pair, options.among)),
    ),
    ...table(['SIDE', ...upper(SIDE_TITLES)], report.pairs.flatMap(sideRows)),
    ...table(
      ['FIELD', 'VERSIONS', ...upper(FIELD_TITLES)],
      report.pairs.flatMap((pair) =>
        netFields(pair, options.among).map((field) => [field.name, versionsText(pair), ...fieldCells(field)]),
      ),
    ),
    ...report.pairs
      .flatMap((pair) => pair.fields.map((field) => ({ ...field, versions: versionsText(pair) })))
      .flatMap(({ name, versions, classes, confusion }) =>
        confusion.length === 0 || classes.length > CLASSES_MAX
          ? []
          : table(
              [`${clipped(name, CELL_CHARS_MAX)}, ${versions}: LIVE \\ SHADOW`, ...classes.map(String)],
              confusion.map((row, at) => [String(classes[at]), ...row.map(countText)]),
            ),
      ),
    ...table(
      ['SOURCE', 'DISAGREEMENT', 'LIVE SAID', 'SHADOW SAID', 'REQUEST'],
      worst.map((each) => [
        each.source,
        numberText(each.disagreement),
        `v${each.liveVersion}: ${saidText(report, each, 'live')}`,
        `v${each.shadowVersion}: ${saidText(report, each, 'shadow')}`,
        placeText(each.at.request),
      ]),
    ),
  ];
}

function versionsText(pair: PairReport): string {
  if (pair.shadow === null) return `v${pair.live.version} alone`;
  return `v${pair.live.version} ~ v${pair.shadow.version}${isBaseline(pair) ? ' (noise baseline)' : ''}`;
}

function pairRow(pair: PairReport, among: readonly ComparisonReport[]): string[] {
  const floor = shareText(noiseFloor(pair, among), 'no baseline');
  return [
    versionsText(pair),
    countText(pair.pairs),
    shareText(pair.agreement),
    shareText(disagreement(agreementOf(pair))),
    floor,
  ];
}

function sideRows(pair: PairReport): string[][] {
  return [pair.live, pair.shadow].flatMap((side, at) =>
    side === null ? [] : [[`${versionsText(pair)} ${at === 0 ? 'live' : 'shadow'}`, ...sideCells(pair, side)]],
  );
}
