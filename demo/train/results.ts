// Results: what `npm run models` measured, as a file for tests and as tables for people.
// Flow: main writes demo/models/results.json and the README beside it; the test computes the accuracies again.

import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { demoPath } from '../demo-path.ts';

export const RESULTS_FILE = 'results.json';

const resultSchema = z.strictObject({
  version: z.int().min(1),
  kind: z.string(),
  format: z.string(),
  /** Registry names in order of preference. */
  runtimes: z.array(z.string()).readonly(),
  parameters: z.int().min(1),
  /** Share of right answers, 0 to 1, on the 3,000 test digits and on the 7,000 training digits (true labels). */
  testAccuracy: z.number().min(0).max(1),
  trainAccuracy: z.number().min(0).max(1),
  /** Size of the package without its manifest. */
  bytes: z.int().min(1),
  digest: z.string().length(64),
});
export type ModelResult = Readonly<z.infer<typeof resultSchema>>;

/** What is committed in demo/models/results.json. */
export function readResults(): readonly ModelResult[] {
  return z.array(resultSchema).parse(JSON.parse(readFileSync(demoPath('models', RESULTS_FILE), 'utf8')));
}

const COLUMNS = [
  'version',
  'kind',
  'format',
  'runtime',
  'parameters',
  'test accuracy',
  'train accuracy',
  'KiB',
  'digest',
];

function cells(result: ModelResult): readonly string[] {
  return [
    `v${result.version}`,
    result.kind,
    result.format,
    result.runtimes.join(', '),
    String(result.parameters),
    percent(result.testAccuracy),
    percent(result.trainAccuracy),
    String(Math.ceil(result.bytes / 1024)),
    result.digest.slice(0, 12),
  ];
}

/** Columns of equal width, for a terminal. */
export function textTable(results: readonly ModelResult[]): string {
  const rows = [COLUMNS, ...results.map(cells)];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function markdownTable(results: readonly ModelResult[]): string {
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`;
  return [line(COLUMNS), line(COLUMNS.map(() => '---')), ...results.map((result) => line(cells(result)))].join('\n');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
