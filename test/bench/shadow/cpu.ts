// Cpu: who spends how much of the cores, at a steady rate and on a backlog: where a shadow costs anything, if it does.

import { treeUsage } from '../process-tree.ts';
import { median, type Sample } from '../report.ts';

export const SPENDERS = ['broker', 'live road', 'shadow', 'comparator'] as const;
/** CPU time of all processes of each, microseconds. */
export type Spent = Readonly<Record<(typeof SPENDERS)[number], number>>;
export type Pids = Readonly<Record<keyof Spent, number | null>>;

/** What one window of a series cost. */
export interface Cost {
  /** In hundredths of one core. */
  readonly paced: Spent;
  /** Microseconds per record, until the live road has worked it off; the others may go on after that. */
  readonly flood: Spent;
}

export type ShadowSample = Sample & { readonly cost: Cost };

/** @returns what each spent since, over `divisor`; NaN for whom this machine does not run */
export function meter(pids: Pids): (divisor: number) => Spent {
  const now = () => spent((of) => (pids[of] === null ? Number.NaN : treeUsage(pids[of]).cpuMicros));
  const before = now();
  return (divisor) => {
    const after = now();
    return spent((of) => (after[of] - before[of]) / divisor);
  };
}

/** Medians, as a Markdown table. */
export function renderCosts(names: readonly string[], samples: readonly ShadowSample[]): string {
  const cells = (name: string, of: keyof Cost, digits: number) =>
    SPENDERS.map((who) => {
      const middle = median(samples.filter(({ series }) => series === name).map(({ cost }) => cost[of][who]));
      return Number.isNaN(middle) ? '–' : middle.toFixed(digits);
    });
  const head = (words: string) => SPENDERS.map((who) => `${who}, ${words}`);
  return [
    `| CPU | ${[...head('%'), ...head('µs')].join(' | ')} |`,
    `|---|${'---:|'.repeat(2 * SPENDERS.length)}`,
    ...names.map((name) => `| ${[name, ...cells(name, 'paced', 1), ...cells(name, 'flood', 1)].join(' | ')} |`),
    '',
    'Of one core at 200 requests/s, and for each record of a backlog until the live road has worked it off.',
    '',
  ].join('\n');
}

function spent(of: (who: keyof Spent) => number): Spent {
  return Object.fromEntries(SPENDERS.map((who) => [who, of(who)])) as Record<keyof Spent, number>;
}
