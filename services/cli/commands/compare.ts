// compare: how a shadow's outputs compare with the answers, from what the comparator has counted so far.

import type { Command } from 'commander';
import type { RunReport } from '../../../shared/comparing/reports.ts';
import { MillraceError } from '../../../shared/domain/errors.ts';
import { readRuns } from '../read-runs.ts';
import { showComparisons } from '../show-comparison.ts';
import { type AddCommand, examples, topOption } from './command.ts';
import { endpointName } from './control.ts';

interface CompareOptions {
  readonly run?: string;
  readonly all?: boolean;
  readonly top: number;
  readonly report?: string;
}

/** The run of the answers without a pair. */
const LIVE = 'live';

export const addCompare: AddCommand = (program, runner) => {
  const command: Command = program
    .command('compare <endpoint>')
    .summary('compare a shadow with the answers')
    .description(
      'Shows what the comparator has counted: agreement, confusion, drift, accuracy where there are labels, time and errors ' +
        'of both sides, and the worst disagreements. Distances are, in every format, net of what chance makes and, ' +
        'where there is a noise baseline, of how far the incumbent is from itself. Without --run it shows the shadows of the newest rollout that had any.',
    )
    .option('--run <run>', `a run, like digits-4/9 (rollout/version), or ${LIVE}: every version without a pair`)
    .option('--all', 'every run on record')
    .addOption(topOption())
    .option('--report <file>', 'also write a page with pictures, which needs nothing else');
  examples(command, [
    ['millrace compare digits', 'the newest shadows'],
    ['millrace compare digits --top 5 --report compare.html', 'with a page to look at and to send'],
    ['millrace compare digits --run live -o json', 'canary and incumbent, each by itself'],
  ]);
  runner.bind<CompareOptions>(command, async (context, { operands: [name], options }) => {
    const endpoint = endpointName(name);
    const runs = await readRuns(context, await context.bus(), endpoint);
    const chosen = choose(runs, options);
    if (chosen.length === 0) {
      const known = runs.map(({ report }) => report.run).join(', ') || 'none yet';
      throw new MillraceError('NOT_FOUND', {
        detail: `${options.run ?? 'a shadow'} of ${endpoint} (there are: ${known})`,
      });
    }
    const [reports, among] = [chosen, runs].map((list) => list.map(({ report }) => report));
    await showComparisons(context, {
      ...{ endpoint, reports: reports ?? [], among: among ?? [] },
      ...{ top: options.top, page: options.report },
    });
    return 'ok';
  });
};

function choose(runs: readonly RunReport[], { run, all }: CompareOptions): readonly RunReport[] {
  if (run !== undefined) return runs.filter(({ report }) => report.run === run);
  if (all === true) return runs;
  const rolloutOf = ({ report }: RunReport) => report.run.slice(0, report.run.lastIndexOf('/'));
  const newest = runs
    .filter(({ report }) => report.run !== LIVE)
    .sort((a, b) => numberOf(rolloutOf(b)) - numberOf(rolloutOf(a)))[0];
  return newest === undefined
    ? []
    : runs.filter((one) => one.report.run !== LIVE && rolloutOf(one) === rolloutOf(newest));
}

/** Rollouts of an endpoint are numbered. */
function numberOf(rollout: string): number {
  return Number(rollout.slice(rollout.lastIndexOf('-') + 1));
}
