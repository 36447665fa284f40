// Report: what an overload run found, as tables, and whether it was as it must be.

import { WITHOUT_BAR } from './ailments.ts';
import type { FloodReport } from './flood.ts';
import type { NeighbourReport } from './neighbour.ts';

/**
 * A flood in which less than this much more came than was answered, or than the house takes, was none. Twice is asked for; who
 * sends has the cores in common with who answers.
 */
const FLOOD_RATIO_MIN = 1.5;

/** Part of a flood's requests that waits when it ends. */
const LAG_SHARE_MIN = 0.1;

/** What is wrong, in words; empty when all is as it must be. */
export function floodProblems(report: FloodReport): string[] {
  const problems: string[] = [];
  for (const count of ['lost', 'duplicated', 'wrongVersion'] as const)
    if (report[count] !== 0) problems.push(`${count} is ${report[count]}`);
  if (report.answered !== report.requests) problems.push(`${report.answered} of ${report.requests} answered`);
  if (report.lagDrained !== 0) problems.push(`${report.lagDrained} requests still wait`);
  // Of nothing that waited before. How it grows in between is the machine's other work as well.
  const flooded = report.offeredPerSecond * report.seconds;
  if (report.lagEnd < LAG_SHARE_MIN * flooded)
    problems.push(`lag did not grow: ${report.lagEnd} of ${flooded.toFixed(0)} wait at the end`);
  const capacity = Math.min(report.capacityPerSecond, report.capacityAfterPerSecond);
  for (const [words, perSecond] of [
    ['answered meanwhile', report.answeredPerSecond],
    ['taken', capacity],
  ] as const)
    if (report.offeredPerSecond < FLOOD_RATIO_MIN * perSecond)
      problems.push(`no overload: ${report.offeredPerSecond.toFixed(0)} offered, ${perSecond.toFixed(0)} ${words}`);
  if (report.memory.length === 0) problems.push('memory was not sampled');
  for (const { process, earlyMb, lateMb, flat } of report.memory)
    if (!flat) problems.push(`memory of ${process} grew from ${earlyMb.toFixed(0)} to ${lateMb.toFixed(0)} MB`);
  return problems;
}

/** Candidates beside which the incumbent's answers came late, or did not come. */
export function neighbourProblems(reports: readonly NeighbourReport[]): string[] {
  return reports
    .filter(({ verdict }) => verdict === 'missed')
    .map(({ ailment, ratio, unanswered }) =>
      unanswered > 0
        ? `beside one that ${ailment}, ${unanswered} requests have no answer`
        : `beside one that ${ailment}, p99 of the incumbent is ${ratio.toFixed(2)} times what it is alone`,
    );
}

/** 0 as it must be, 1 not so, 3 nobody can tell. */
export function exitCodeOf(problems: readonly string[], neighbours: readonly NeighbourReport[]): number {
  if (problems.length > 0) return 1;
  return neighbours.some(({ verdict }) => verdict === 'inconclusive') ? 3 : 0;
}

export function renderFlood(report: FloodReport): string {
  const rows: readonly (readonly [string, string])[] = [
    [
      'capacity before and after, requests/s',
      `${report.capacityPerSecond.toFixed(0)}, ${report.capacityAfterPerSecond.toFixed(0)}`,
    ],
    ['offered, requests/s', `${report.offeredPerSecond.toFixed(0)} for ${report.seconds} s`],
    ['answered meanwhile, requests/s', report.answeredPerSecond.toFixed(0)],
    ['waiting after a tenth, at the end', `${report.lagEarly}, ${report.lagEnd}`],
    ['drained in, s', report.drainSeconds.toFixed(1)],
    ['requests, answered', `${report.requests}, ${report.answered}`],
    ['lost, duplicated, wrong version', `${report.lost}, ${report.duplicated}, ${report.wrongVersion}`],
    ...report.memory.map(({ process, earlyMb, lateMb }): [string, string] => [
      `memory of ${process}, first and last third, MB`,
      `${earlyMb.toFixed(0)}, ${lateMb.toFixed(0)}`,
    ]),
  ];
  const width = Math.max(...rows.map(([words]) => words.length));
  return rows.map(([words, value]) => `${words.padEnd(width)}  ${value}`).join('\n');
}

export function renderNeighbour({ ailment, pairs, ratio, ratioAlone, unanswered, verdict }: NeighbourReport): string {
  const bar = WITHOUT_BAR.includes(ailment) ? 'no bar' : 'bar 1.2';
  return (
    `beside a candidate that ${ailment}: p99 of the incumbent ${ratio.toFixed(2)} × (${bar}), ${pairs.length} pairs; ` +
    `two windows without one differ by ${ratioAlone.toFixed(2)} ×; ${unanswered} unanswered: ${verdict}`
  );
}
