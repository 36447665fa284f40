// StatusLines: the status of endpoints as text for people.

import { formatWeight } from './parse.ts';
import { clipped } from './printable.ts';
import type { EndpointStatus, LaneStatus, ShadowStatus } from './status.ts';

/** What the lines are made with: output.ts has it. */
interface Tables {
  table(header: readonly string[], rows: readonly (readonly string[])[], right?: readonly number[]): string[];
  style(style: 'bold' | 'dim' | 'red' | 'green' | 'yellow', text: string): string;
}

/** Longest reason shown, characters. */
const REASON_CHARS_MAX = 300;
const NOTHING = '-';

/** A line per endpoint, then its lanes, then what is wrong. */
export function statusLines(endpoints: readonly EndpointStatus[], tables: Tables): string[] {
  if (endpoints.length === 0) return ['There is no endpoint yet: see `millrace apply --help`.'];
  const header = [
    'ENDPOINT',
    'STATUS',
    'REASON',
    'STRATEGY',
    'INCUMBENT',
    'CANDIDATE',
    'WEIGHT',
    'PLAN',
    'CUTS',
    'ROUTER LAG',
  ];
  const rows = endpoints.map((each) => [
    each.endpoint,
    coloured(each.status, tables),
    each.reason || NOTHING,
    each.strategy ?? NOTHING,
    versionText(each.incumbent),
    versionText(each.candidate),
    each.weightBp === null ? NOTHING : formatWeight(each.weightBp),
    String(each.plan ?? NOTHING),
    `${each.cuts.landed}/${each.cuts.partitions}`,
    String(each.routerLag ?? NOTHING),
  ]);
  const laneHeader = ['LANE', 'ROLE', 'VERSION', 'SHARE', 'WORKERS', 'LAG'];
  const lanes = endpoints.flatMap(({ endpoint, lanes: of }) =>
    of.filter(({ role, lag }) => role !== 'none' || (lag ?? 0) > 0).map((lane) => laneRow(endpoint, lane)),
  );
  const shadowHeader = ['SHADOW', 'ROLE', 'VERSION', 'SAMPLE', 'GATE', 'WORKERS', 'LAG'];
  const shadows = endpoints.flatMap(({ endpoint, shadows: of }) => of.map((shadow) => shadowRow(endpoint, shadow)));
  const notes = endpoints.flatMap((each) => noteLines(each, tables));
  return [
    ...tables.table(header, rows, [6, 7, 9]),
    ...(lanes.length === 0 ? [] : ['', ...tables.table(laneHeader, lanes, [3, 5])]),
    ...(shadows.length === 0 ? [] : ['', ...tables.table(shadowHeader, shadows, [3, 6])]),
    ...(notes.length === 0 ? [] : ['', ...notes]),
  ];
}

function laneRow(endpoint: string, lane: LaneStatus): string[] {
  return [
    `${endpoint}/${lane.lane}`,
    lane.role === 'none' ? NOTHING : lane.role,
    versionText(lane.version),
    formatWeight(lane.weightBp),
    workersText(lane),
    String(lane.lag ?? NOTHING),
  ];
}

function shadowRow(endpoint: string, shadow: ShadowStatus): string[] {
  return [
    endpoint,
    shadow.baseline ? 'noise baseline' : 'candidate',
    versionText(shadow.version),
    formatWeight(shadow.sampleBp),
    shadow.gate,
    workersText(shadow),
    String(shadow.lag ?? NOTHING),
  ];
}

function workersText({ workers }: Pick<LaneStatus, 'workers'>): string {
  const counted = Object.entries(workers).filter(([, count]) => count > 0);
  return counted.map(([state, count]) => `${count} ${state}`).join(', ') || 'none';
}

function noteLines({ endpoint, degraded, lanes, shadows, lastEvent }: EndpointStatus, { style }: Tables): string[] {
  const failed = lanes
    .filter(({ role }) => role !== 'incumbent')
    .flatMap(({ lane, problems }) => problems.map((problem) => `${lane}: ${problem}`));
  failed.push(...shadows.flatMap(({ version, problems }) => problems.map((each) => `shadow v${version}: ${each}`)));
  const shown = (text: string) => clipped(text, REASON_CHARS_MAX);
  return [
    ...degraded.map((reason) => `${endpoint} ${style('red', 'degraded')}: ${shown(reason)}`),
    ...failed.map((problem) => `${endpoint} ${style('yellow', 'failed')}: ${shown(problem)}`),
    ...(lastEvent === null ? [] : [style('dim', `${endpoint} last: ${lastEvent.type}: ${shown(lastEvent.message)}`)]),
  ];
}

function coloured(status: string, { style }: Tables): string {
  switch (status) {
    case 'Complete':
      return style('green', status);
    case 'Degraded':
    case 'Failed':
      return style('red', status);
    default:
      return style('yellow', status);
  }
}

function versionText(version: number | null): string {
  return version === null ? NOTHING : `v${version}`;
}
