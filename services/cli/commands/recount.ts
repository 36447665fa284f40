// recount: whether comparisons were counted as the topics say; a script can rely on its exit code.

import type { Command } from 'commander';
import { DEFAULT_LIMITS, limitsWith } from '../../../shared/comparing/limits.ts';
import { readTotals } from '../../../shared/comparing/read-totals.ts';
import { type Recounted, recountRun } from '../../../shared/comparing/recount.ts';
import { runKey } from '../../../shared/domain/comparison.ts';
import { MillraceError } from '../../../shared/domain/errors.ts';
import type { Tables } from '../output.ts';
import { requireGoing, sayLeftOut } from '../read.ts';
import { type AddCommand, examples, windowOption } from './command.ts';
import { endpointName } from './control.ts';

interface RecountOptions {
  readonly run?: string;
  readonly joinWindow: number;
  readonly labelWindow: number;
}

export const addRecount: AddCommand = (program, runner) => {
  const command: Command = program
    .command('recount <endpoint>')
    .summary('count comparisons anew and check the totals')
    .description(
      'Reads answers, outputs and labels of each comparison again, as far as its totals have come, and counts them anew; what ' +
        'time decided, it decides where the totals say that time did. Writes nothing, joins no group, in bounded memory. ' +
        'Comparisons whose first records retention has taken, or that have more ticks than are kept, cannot be counted again, and are named. ' +
        'Ends with 1 when totals say something else than what was counted.',
    )
    .option('--run <run>', 'one comparison, like digits-4/9 (rollout/version), or live: every version without a pair')
    .addOption(windowOption('--join-window <n>', "the comparator's MILLRACE_JOIN_WINDOW", DEFAULT_LIMITS.window))
    .addOption(
      windowOption('--label-window <n>', "the comparator's MILLRACE_LABEL_WINDOW", DEFAULT_LIMITS.labelWindow),
    );
  examples(command, [
    ['millrace recount digits', 'every comparison on record'],
    ['millrace recount digits --run digits-4/9 -o json', 'one of them, for a script'],
  ]);
  runner.bind<RecountOptions>(command, async (context, { operands: [name], options }) => {
    const endpoint = endpointName(name);
    const { topics, clock, signal, say } = context;
    const bus = await context.bus();
    const { joinWindow: window, labelWindow, run } = options;
    const limits = limitsWith({ window, labelWindow, windowMs: DEFAULT_LIMITS.windowMs });
    const onRecord = await readTotals({
      ...{ bus, topics, endpoint, signal },
      onUnreadable: (record, error) => sayLeftOut(context, record, error),
    });
    requireGoing(context);
    const chosen = onRecord.filter((totals) => run === undefined || runKey(totals) === run);
    if (chosen.length === 0)
      throw new MillraceError('NOT_FOUND', { detail: `${run ?? 'a comparison'} of ${endpoint}` });
    const recounted: Recounted[] = [];
    for (const totals of chosen) {
      say(`counting ${runKey(totals)} in partition ${totals.partition}`);
      recounted.push(await recountRun({ bus, topics, clock, endpoint, limits, signal }, totals));
    }
    context.out.result(recounted, (tables) => linesOf(recounted, tables));
    return recounted.every(({ differences }) => differences.length === 0) ? 'ok' : 'failed';
  });
};

function linesOf(recounted: readonly Recounted[], { table, style }: Tables): string[] {
  const verdict = ({ counts, differences }: Recounted) => {
    if (counts === null) return style('yellow', 'its first records or ticks are gone');
    return differences.length === 0 ? style('green', 'the same') : style('red', 'NOT THE SAME');
  };
  const rows = recounted.map((one) => {
    const { run, partition, counts } = one;
    return [run, String(partition), String(counts?.matched ?? '-'), String(counts?.labelled ?? '-'), verdict(one)];
  });
  return [
    ...table(['RUN', 'PARTITION', 'MATCHED', 'LABELLED', 'TOTALS'], rows, [1, 2, 3]),
    ...recounted.flatMap(({ run, partition, differences }) =>
      differences.map((difference) => `${style('red', run)} in partition ${partition}: ${difference}`),
    ),
  ];
}
