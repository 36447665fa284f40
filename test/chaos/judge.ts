// Judge: what a run is held to in the end: the audit of every promise, the house's own words, and what the acts found.
// Invariant: nothing is under way any more when it judges: the house has stopped, so what has no outcome is lost.

import { DIGITS_ENDPOINT } from '../../demo/data/digits.ts';
import type { RollbackBounds } from '../../shared/analysis/checks/rollback-bound.ts';
import type { Totals } from '../../shared/analysis/totals.ts';
import { auditEndpoint } from '../../shared/audit/audit-endpoint.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import type { World } from './world.ts';

/** A partition whose owner is stopped waits for its next one; what is promised in quiet is checked in quiet. */
export const BOUNDS_IN_TROUBLE: RollbackBounds = { cutMs: 90_000, answerMs: 90_000 };

/** The audit now. `settled`: nothing is under way any more. */
export async function audit(
  world: World,
  options: { readonly bounds: RollbackBounds; readonly settled: boolean },
): Promise<{ totals: Totals; problems: string[] }> {
  const { bus, topics } = world;
  const place = { bus, topics, endpoint: DIGITS_ENDPOINT, nowMs: clock.nowMs() };
  const totals = await auditEndpoint({ ...place, ...options, signal: new AbortController().signal });
  return { totals, problems: totals.kept.map(({ check, at, detail }) => `${check}: ${at}: ${detail}`) };
}

/** What processes said that they must not say, and those that ended by themselves. */
export function wordsOfTrouble(processes: readonly ServiceProcess[]): string[] {
  return processes.flatMap((process) => {
    const bugs = process.lines.flatMap(({ event, error }) => (isBug(error) ? [`${event}: ${error.message}`] : []));
    const code = process.exitCode;
    const ended = code === null || code === 0 ? [] : [`it ended with code ${code}`];
    return [...bugs, ...process.stray, ...ended].map((words) => `${process.name}: ${words}`);
  });
}

/** The whole line is in the process's log. */
function isBug(error: unknown): error is { readonly kind: 'bug'; readonly message: string } {
  return typeof error === 'object' && error !== null && 'kind' in error && error.kind === 'bug';
}
