// Report: what the demo prints at its end, as one JSON object or as a table, and whether all is well.

import { CHECKS } from '../../shared/analysis/violation.ts';
import type { Readback } from './readback.ts';
import type { Switch } from './scenario.ts';

export interface DemoReport {
  readonly broker: 'kafka' | 'memory';
  /** How the broker was found, in words. */
  readonly brokerDetail: string;
  readonly requests: number;
  readonly answered: number;
  readonly deadLettered: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly wrongVersion: number;
  /** What each check of the audit found, by its name; 0 when the promise was kept. */
  readonly violations: Readback['outcomes']['counts'];
  readonly versions: readonly VersionReport[];
  readonly switches: Readback['switches'];
  readonly shadow: Readback['shadow'];
  readonly seconds: number;
}

export interface VersionReport {
  readonly version: number;
  readonly answers: number;
  readonly rescued: number;
  /** On test digits, 0..1. */
  readonly accuracy: number | null;
  readonly runtime: string;
}

/** Figures of a run, from the topics. */
export function reportOf(run: {
  readonly broker: 'kafka' | 'memory';
  readonly brokerDetail: string;
  readonly readback: Readback;
  readonly seconds: number;
}): DemoReport {
  const { outcomes, accuracy, switches, shadow } = run.readback;
  const versions = [...outcomes.versions].sort(([a], [b]) => a - b);
  return {
    broker: run.broker,
    brokerDetail: run.brokerDetail,
    requests: outcomes.requests,
    answered: outcomes.answered,
    deadLettered: outcomes.deadLettered,
    lost: outcomes.lost,
    duplicated: outcomes.duplicated,
    wrongVersion: outcomes.wrongVersion,
    violations: outcomes.counts,
    versions: versions.map(([version, found]) => ({
      version,
      answers: found.answers,
      rescued: found.rescued,
      accuracy: accuracy.get(version) ?? null,
      runtime: found.runtimes.join(', '),
    })),
    switches,
    shadow,
    seconds: Math.round(run.seconds * 10) / 10,
  };
}

/** What a run must have done. */
export interface Expectations {
  readonly requests: number;
  /** Of the endpoint: every switch takes all of them. */
  readonly partitions: number;
  /** Changes of the model, in order. */
  readonly switches: readonly Switch['kind'][];
  /** Share of right answers of each version on all test digits, from its training. */
  readonly accuracies: ReadonlyMap<number, number>;
  readonly versions: readonly number[];
  /** Also: on a real Kafka, with both native runtimes, and v3 visibly worse. */
  readonly strict: boolean;
}

/** Runtimes that a strict run must have answered with. */
const NATIVE_RUNTIMES = ['onnxruntime-node', 'tfjs-node'];

/** What is wrong with a run, in words; empty when it kept every promise. */
export function problemsOf(report: DemoReport, expected: Expectations): string[] {
  const problems: string[] = [];
  if (report.requests !== expected.requests)
    problems.push(`${report.requests} requests on record, not ${expected.requests}`);
  if (report.answered !== expected.requests) problems.push(`${report.answered} of ${expected.requests} answered`);
  for (const count of ['deadLettered', 'lost', 'duplicated', 'wrongVersion'] as const) {
    if (report[count] !== 0) problems.push(`${count} is ${report[count]}`);
  }
  for (const check of CHECKS) {
    if (report.violations[check] !== 0) problems.push(`the check ${check} found ${report.violations[check]}`);
  }
  for (const version of expected.versions) {
    if (!report.versions.some((found) => found.version === version)) problems.push(`v${version} answered nothing`);
  }
  const kinds = report.switches.map((change) => change.kind);
  if (kinds.join() !== expected.switches.join())
    problems.push(`the switches were ${kinds.join(', ') || 'none'}, not ${expected.switches.join(', ')}`);
  for (const change of report.switches) {
    if (change.commandToLastCutMs === null || change.partitions !== expected.partitions)
      problems.push(`${change.kind} to v${change.to} did not reach every partition`);
    // The first version is rolled out before anyone asks.
    if (change.from !== null && (change.requestsBefore === 0 || change.requestsAfter === 0))
      problems.push(`${change.kind} to v${change.to} met no traffic`);
  }
  problems.push(...shadowProblems(report));
  return expected.strict ? [...problems, ...strictProblems(report, expected)] : problems;
}

/** Who is compared, and how. */
const COMPARED = ['v3 live', 'v4 live', 'v4 replay'];
/** A shadow report warns from this much disagreement on, and this many points of accuracy less. */
const WARNS_BELOW_AGREEMENT = 0.85;
const WARNS_POINTS = 10;

function shadowProblems({ shadow }: DemoReport): string[] {
  const problems: string[] = [];
  const found = shadow.map(({ candidate, how }) => `v${candidate} ${how}`);
  if (found.join() !== COMPARED.join()) problems.push(`compared were ${found.join(', ') || 'none'}`);
  for (const { candidate, how, pairs, missing, leakedToPredictions } of shadow) {
    const name = `the shadow of v${candidate} (${how})`;
    if (pairs === 0) problems.push(`${name} has no pairs`);
    if (missing !== 0) problems.push(`${name} misses ${missing} partners`);
    if (leakedToPredictions !== 0) problems.push(`${name} answered ${leakedToPredictions} times`);
  }
  const bad = shadow.filter(({ candidate }) => candidate === 3);
  if (!bad.every(warned)) problems.push('the shadow report of v3 did not warn');
  if (shadow.some((each) => each.candidate === 4 && warned(each))) problems.push('the shadow report of v4 warned');
  return problems;
}

function warned({ agreement, accuracyIncumbent, accuracyCandidate }: DemoReport['shadow'][number]): boolean {
  const points = ((accuracyIncumbent ?? 0) - (accuracyCandidate ?? 0)) * 100;
  return (agreement ?? 1) < WARNS_BELOW_AGREEMENT && points > WARNS_POINTS;
}

/** How far the accuracy of a run, on a sample of the test digits, may be from that of training. */
const ACCURACY_POINTS_MAX = 3;
/** Fewer answers, as a canary gives, hold too few test digits to tell three points apart. */
const ACCURACY_ANSWERS_MIN = 1_000;

function strictProblems(report: DemoReport, { accuracies }: Expectations): string[] {
  const problems: string[] = [];
  if (report.broker !== 'kafka') problems.push(`the broker is ${report.broker}`);
  for (const runtime of NATIVE_RUNTIMES) {
    if (!report.versions.some((found) => found.runtime.startsWith(`${runtime} `)))
      problems.push(`no version answered on ${runtime}`);
  }
  for (const [version, trained] of accuracies) {
    const answered = report.versions.find((each) => each.version === version);
    if (answered === undefined || answered.answers < ACCURACY_ANSWERS_MIN) continue;
    const found = answered.accuracy ?? 0;
    if (Math.abs(found - trained) * 100 > ACCURACY_POINTS_MAX)
      problems.push(`v${version} was right in ${percent(found)}, in training in ${percent(trained)}`);
  }
  const accuracy = (version: number) => report.versions.find((found) => found.version === version)?.accuracy ?? 0;
  if (accuracy(3) >= accuracy(1)) problems.push('v3 is not worse than v1: the bad model is not bad');
  if (accuracy(2) <= accuracy(1)) problems.push('v2 is not better than v1');
  return problems;
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

/** The readable end of a run. */
export function renderReport(report: DemoReport): string {
  const versions = report.versions.map((found) => [
    `v${found.version}`,
    String(found.answers),
    String(found.rescued),
    found.accuracy === null ? '–' : percent(found.accuracy),
    found.runtime,
  ]);
  const switches = report.switches.map((change) => [
    change.kind,
    `${change.from === null ? '–' : `v${change.from}`} → v${change.to}`,
    change.commandToLastCutMs === null ? 'missing' : `${change.commandToLastCutMs} ms`,
    String(change.partitions),
    change.from === null ? '–' : `${change.requestsBefore} / ${change.requestsAfter}`,
  ]);
  return [
    `${report.requests} digits through ${report.brokerDetail} in ${report.seconds} s`,
    '',
    ...table(['version', 'answers', 'rescues', 'accuracy', 'runtime'], versions),
    '',
    ...table(['switch', 'from → to', 'command to last cut', 'partitions', 'requests 1 s before / after'], switches),
    '',
    ...table(
      ['shadow', 'compared with', 'pairs', 'missing', 'same digit', 'right', 'right before', 'leaked'],
      report.shadow.map(shadowRow),
    ),
    '',
    ...table(
      ['requests', 'answered', 'dead-lettered', 'lost', 'duplicated', 'wrong version'],
      [
        [
          report.requests,
          report.answered,
          report.deadLettered,
          report.lost,
          report.duplicated,
          report.wrongVersion,
        ].map(String),
      ],
    ),
  ].join('\n');
}

function shadowRow(each: DemoReport['shadow'][number]): string[] {
  const share = (value: number | null) => (value === null ? '–' : percent(value));
  return [
    `v${each.candidate}${each.how === 'replay' ? ', in the past' : ''}`,
    `v${each.incumbent}`,
    String(each.pairs),
    String(each.missing),
    share(each.agreement),
    share(each.accuracyCandidate),
    share(each.accuracyIncumbent),
    String(each.leakedToPredictions),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)];
}
