// Reports: the state of every comparison of an endpoint, added up over its partitions.
// Flow: E.totals → newest record per run and partition → merged → reports: `millrace compare`, demo.
// Invariant: totals are merged, never recounted: what two partitions counted apart is what one would have counted.

import { parseScope, type SavedComparison } from '../comparison/comparison.ts';
import { addCounts, NO_COUNTS } from '../comparison/join-state.ts';
import type { MetricStates } from '../comparison/metrics/metric.ts';
import { coarserStates, levelOf, mergeStates } from '../comparison/metrics/registry.ts';
import type { Field } from '../comparison/outcome.ts';
import type { ComparisonReport } from '../comparison/report.ts';
import { pairReport, reportOf } from '../comparison/summary.ts';
import { runKey, type Totals } from '../domain/comparison.ts';
import type { PlanShadow } from '../domain/shadow.ts';
import { type ReadTotalsOptions, readTotals } from './read-totals.ts';
import { savedOf } from './saved.ts';

export interface RunReport {
  readonly report: ComparisonReport;
  /** Part of the requests that is compared, basis points. */
  readonly sampleBp: number;
  readonly tolerances: PlanShadow['tolerances'];
  /** No plan names it any more, and all of it is counted. */
  readonly ended: boolean;
  /** When it was last written, milliseconds since the epoch. */
  readonly atMs: number;
}

/** Runs of an endpoint, the one that was written last first. @throws TOPIC_UNKNOWN */
export async function readReports(options: ReadTotalsOptions): Promise<RunReport[]> {
  const { endpoint } = options;
  const runs = new Map<string, Totals[]>();
  for (const one of await readTotals(options)) runs.set(runKey(one), [...(runs.get(runKey(one)) ?? []), one]);
  return [...runs]
    .map(([run, parts]) => ({ run, parts, saved: parts.map(savedOf) }))
    .map(({ run, parts, saved }) => ({
      report: mergedReport({ endpoint, run }, saved),
      tolerances: saved[0]?.tolerances ?? [],
      sampleBp: parts[0]?.sampleBp ?? 0,
      ended: parts.every(({ ended }) => ended),
      atMs: Math.max(...parts.map(({ atMs }) => atMs)),
    }))
    .sort((a, b) => b.atMs - a.atMs);
}

/** One report of what partitions counted apart. */
export function mergedReport(
  of: { readonly endpoint: string; readonly run: string },
  parts: readonly (SavedComparison & { readonly fields: readonly Field[] })[],
): ComparisonReport {
  const states = new Map<string, MetricStates>();
  for (const part of parts) {
    for (const [scope, state] of Object.entries(part.states)) {
      const known = states.get(scope);
      states.set(scope, known === undefined ? state : mergeStates(known, state));
    }
  }
  const fields = parts.find((part) => part.fields.length > 0)?.fields ?? [];
  const pairs = [...states].map(([scope, merged]) => {
    const { live, shadow } = parseScope(scope);
    // What one partition counted finely lies between the places of another, and in a confusion that the other has no more.
    const even = coarserStates(merged, levelOf(merged));
    return pairReport({ liveVersion: live, shadowVersion: shadow, fields, states: even });
  });
  const counts = parts.reduce((sum, { join }) => addCounts(sum, join.counts), NO_COUNTS);
  return reportOf({ ...of, counts, pairs, examples: parts.flatMap(({ examples }) => examples) });
}
