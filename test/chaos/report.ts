// Report: the figures of a chaos run, as one object and as text.

import type { Totals } from '../../shared/analysis/totals.ts';
import { CHECKS } from '../../shared/analysis/violation.ts';
import type { RolloutCounts } from './rollouts.ts';
import type { Findings } from './run.ts';
import type { Figure, Gaps } from './tries.ts';

export interface ChaosReport {
  readonly seed: number;
  readonly seconds: number;
  /** On record, all of them judged. */
  readonly requests: number;
  readonly answered: number;
  readonly deadLettered: number;
  /** By kind: how often it happened. */
  readonly faults: Readonly<Record<string, number>>;
  /** Draws that found nothing to hit. */
  readonly missed: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly wrongVersion: number;
  readonly orderViolations: number;
  /** By check of the audit. */
  readonly violations: Readonly<Record<string, number>>;
  readonly rollouts: RolloutCounts;
  readonly quietRollback: Findings['quietRollback'];
  readonly shadow: Findings['shadow'];
  readonly handovers: Findings['handovers'];
  readonly visibleGaps: Findings['gaps'];
  /** Longest silence of a partition that had to go on while the fault lasted, and of any until its recovery, ms. */
  readonly worstStall: { readonly kind: string; readonly duringMs: number; readonly allMs: number } | null;
  /** The same by kind, the worst of each. */
  readonly stalls: Readonly<Record<string, { readonly duringMs: number; readonly allMs: number }>>;
  readonly failedWrites: number;
  /** What was wrong, in words; a run without any is good. */
  readonly failures: readonly string[];
}

export function reportOf(run: {
  readonly seed: number;
  readonly seconds: number;
  readonly found: Findings;
  readonly totals: Totals;
  readonly rollouts: RolloutCounts;
  readonly stream: { readonly failedWrites: number };
}): ChaosReport {
  const { found, totals } = run;
  const faults: Record<string, number> = {};
  const stalls: Record<string, { duringMs: number; allMs: number }> = {};
  const hits = found.faults.filter(({ target }) => target !== '');
  for (const { kind, stallDuringMs, stallMs } of hits) {
    faults[kind] = (faults[kind] ?? 0) + 1;
    const known = stalls[kind] ?? { duringMs: 0, allMs: 0 };
    stalls[kind] = { duringMs: Math.max(known.duringMs, stallDuringMs), allMs: Math.max(known.allMs, stallMs) };
  }
  const [worst] = Object.entries(stalls).sort(([, a], [, b]) => b.allMs - a.allMs);
  return {
    ...{ seed: run.seed, seconds: Math.round(run.seconds), requests: totals.requests, answered: totals.answered },
    ...{ deadLettered: totals.deadLettered, faults, missed: found.faults.length - hits.length },
    ...{ lost: totals.lost, duplicated: totals.duplicated, wrongVersion: totals.wrongVersion },
    ...{ orderViolations: totals.counts.order, violations: totals.counts, rollouts: run.rollouts },
    ...{
      quietRollback: found.quietRollback,
      shadow: found.shadow,
      handovers: found.handovers,
      visibleGaps: found.gaps,
    },
    worstStall: worst === undefined ? null : { kind: worst[0], ...worst[1] },
    ...{ stalls, failedWrites: run.stream.failedWrites, failures: found.problems },
  };
}

export function renderReport(report: ChaosReport): string {
  const { rollouts, quietRollback, shadow, worstStall } = report;
  const total = Object.values(report.faults).reduce((sum, count) => sum + count, 0);
  const ended = Object.entries(rollouts.ended).flatMap(([kind, outcomes]) =>
    Object.entries(outcomes).map(([outcome, count]) => `${count} ${kind} ${outcome}`),
  );
  return [
    `seed ${report.seed}: ${report.requests} requests, ${total} faults (${report.missed} more hit nothing) in ${report.seconds} s`,
    '',
    row('answered', report.answered),
    row('dead-lettered', report.deadLettered),
    ...CHECKS.map((check) => row(check, report.violations[check] ?? 0)),
    row('rollouts ended', ended.join(', ')),
    ...(quietRollback === null
      ? []
      : [row('rollback in quiet', `last cut ${quietRollback.cutMs} ms, last answer ${quietRollback.answerMs} ms`)]),
    ...(shadow === null ? [] : [row('shadows', shadowWords(shadow))]),
    '',
    ...figures('handover', report.handovers),
    ...figures('visible gap', report.visibleGaps),
    ...Object.entries(report.faults)
      .sort(([, a], [, b]) => b - a)
      .map(([kind, count]) => `  ${kind.padEnd(26)}${String(count).padStart(4)}${stallOf(report, kind)}`),
    ...(worstStall === null ? [] : ['', row('worst stall', `${worstStall.allMs} ms, ${worstStall.kind}`)]),
    '',
    ...report.failures.map((failure) => `FAILURE ${failure}`),
    report.failures.length === 0 ? 'every promise was kept' : `${report.failures.length} failures`,
  ].join('\n');
}

function row(name: string, value: string | number): string {
  return `  ${name.padEnd(26)}${value}`;
}

function shadowWords({ runs, outputs, pairs, labelledPairs, skipped }: NonNullable<ChaosReport['shadow']>): string {
  return `${runs} runs, ${outputs} outputs, ${pairs} pairs counted, ${labelledPairs} labelled, ${skipped} passed over`;
}

function stallOf(report: ChaosReport, kind: string): string {
  const stall = report.stalls[kind];
  return stall === undefined ? '' : `   silence ${stall.duringMs} ms while it lasted, ${stall.allMs} ms in all`;
}

function figures(title: string, entries: readonly Figure[]): string[] {
  if (entries.length === 0) return [];
  const words = ({ gapMs, othersMs }: Gaps) => `${gapMs} ms, others ${othersMs} ms`;
  const lines = entries.map((each) => {
    const { tries, bounds } = each;
    const all = tries.length > 1 ? `; best of ${tries.map(words).join('; ')}` : '';
    return `  ${each.what.padEnd(60)}${words(each)}; bound ${words(bounds)}${all}`;
  });
  return [`${title}:`, ...lines, ''];
}
