// Report: what the slices of a target add up to, and the table at the end.

import type { Finding } from './judge.ts';
import type { Told } from './workers.ts';

export interface FuzzTotals {
  readonly target: string;
  readonly inputs: number;
  readonly accepted: number;
  /** Inputs that were kept because they reached new branches, in all slices. */
  readonly kept: number;
  /** Branches that the best slice reached. */
  readonly branches: number;
  readonly inputsPerSecond: number;
  readonly slowestMs: number;
  readonly largestBytes: number;
  readonly heldBytes: number;
  /** One of each kind. */
  readonly findings: readonly Finding[];
}

export function totalsOf(target: string, told: readonly Told[]): FuzzTotals {
  const reports = told.flatMap((one) => ('report' in one ? [one.report] : []));
  const sum = (of: (report: (typeof reports)[number]) => number) => reports.reduce((total, one) => total + of(one), 0);
  const most = (of: (report: (typeof reports)[number]) => number) => Math.max(0, ...reports.map(of));
  const findings = told.flatMap((one) => ('report' in one ? one.report.findings : [one.finding]));
  return {
    target,
    inputs: sum((one) => one.inputs),
    accepted: sum((one) => one.accepted),
    kept: sum((one) => one.kept.length),
    branches: most((one) => one.branches),
    inputsPerSecond: Math.round(
      sum((one) => one.inputs) /
        Math.max(
          1e-3,
          sum((one) => one.seconds),
        ),
    ),
    slowestMs: most((one) => one.slowestMs),
    largestBytes: most((one) => one.largestBytes),
    heldBytes: most((one) => one.heldBytes),
    findings: [...new Map(findings.map((finding) => [finding.words, finding])).values()],
  };
}

const MEBIBYTE = 1_048_576;
const HEADINGS = [
  'target',
  'inputs',
  'accepted',
  'kept',
  'branches',
  'per second',
  'slowest',
  'largest',
  'held',
  'findings',
];

/** Slowest: milliseconds of one input. Largest: what one input allocated. Held: growth of the heap over a slice. */
export function tableOf(totals: readonly FuzzTotals[], seconds: number): string {
  const rows = totals.map((total) => [
    total.target,
    total.inputs.toLocaleString('en'),
    `${((100 * total.accepted) / Math.max(1, total.inputs)).toFixed(1)} %`,
    String(total.kept),
    String(total.branches),
    total.inputsPerSecond.toLocaleString('en'),
    `${total.slowestMs.toFixed(1)} ms`,
    `${(total.largestBytes / MEBIBYTE).toFixed(1)} MiB`,
    `${(total.heldBytes / MEBIBYTE).toFixed(1)} MiB`,
    String(total.findings.length),
  ]);
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ');
  const inputs = totals.reduce((sum, total) => sum + total.inputs, 0);
  const found = totals.reduce((sum, total) => sum + total.findings.length, 0);
  const closing = `${inputs.toLocaleString('en')} inputs in ${seconds.toFixed(1)} s: ${found} findings`;
  return `${[line(HEADINGS), ...rows.map(line)].join('\n')}\n\n${closing}\n`;
}
