// Goal: a comparison has the same numbers in JSON and as a table.
// Method: a candidate that is scored as the incumbent is, whose second answers are all higher than its first.

import { expect, it } from 'vitest';
import { addTo, emptyStates } from '../../shared/comparison/metrics/registry.ts';
import type { Field, Outcome } from '../../shared/comparison/outcome.ts';
import type { ComparisonReport } from '../../shared/comparison/report.ts';
import { pairReport, reportOf } from '../../shared/comparison/summary.ts';
import { seeded } from '../../test/sim/random.ts';
import type { CliContext } from './context.ts';
import { createOutput, type Format } from './output.ts';
import { showComparisons } from './show-comparison.ts';

const PRICE: Field = { name: 'price', kind: 'number', size: 1, atol: 0.01, rtol: 0 };
const counts = {
  ...{ matched: 2_000, missingLive: 0, missingShadow: 0, late: 0 },
  ...{ duplicate: 0, skipped: 0, unreadable: 0, labelled: 0 },
};

function runOf(shadowVersion: number): ComparisonReport {
  const random = seeded(shadowVersion);
  const states = emptyStates();
  const said = (version: number, value: number): Outcome => ({
    ...{ version, error: null, scoringUs: 100, rows: 1 },
    values: [Float64Array.of(value + random() / 10)],
  });
  for (let row = 0; row < counts.matched; row++) {
    const truth = 10 + random();
    addTo(states, { live: said(1, truth), shadow: said(shadowVersion, truth + 0.3) }, [PRICE]);
  }
  const pairs = [pairReport({ liveVersion: 1, shadowVersion, fields: [PRICE], states })];
  return reportOf({ endpoint: 'prices', run: `prices-2/${shadowVersion}`, counts, pairs, examples: [] });
}

const [baseline, candidate] = [runOf(1), runOf(2)];

async function shown(format: Format, among: readonly ComparisonReport[]): Promise<string> {
  let text = '';
  const write = (more: string) => {
    text += more;
  };
  const sink = { write, isTerminal: false, columns: null };
  const context = { out: createOutput(sink, format, false), host: { stdout: sink } } as unknown as CliContext;
  await showComparisons(context, { endpoint: 'prices', reports: [candidate], among, top: 0, page: undefined });
  return text;
}

const inTable = (text: string) =>
  (text.split('\n').find((line) => line.startsWith('price ')) ?? '').trim().split(/\s+/).slice(-4).map(Number);
const inJson = (text: string) => {
  const { psi, js, ks, w1 } = JSON.parse(text)[0].pairs[0].fields[0].drift;
  return [psi, js, ks, w1];
};

it.each([
  ['in the table', 'table', inTable],
  ['in JSON', 'json', inJson],
] as const)('the noise of the incumbent is taken off every distance %s', async (_where, format, distancesIn) => {
  const gross = distancesIn(await shown(format, [candidate]));
  const net = distancesIn(await shown(format, [candidate, baseline]));
  expect(gross.filter((distance) => distance > 0.15)).toHaveLength(4);
  expect(net.filter((distance) => distance < 0.05)).toHaveLength(4);
});
