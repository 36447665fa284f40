// audit: whether the promises were kept, judged from the topics of any cluster; a script can rely on its exit code.

import type { Command } from 'commander';
import { ROLLBACK_BOUNDS } from '../../../shared/analysis/checks/rollback-bound.ts';
import type { Totals } from '../../../shared/analysis/totals.ts';
import { CHECKS, type CheckName } from '../../../shared/analysis/violation.ts';
import { auditEndpoint } from '../../../shared/audit/audit-endpoint.ts';
import type { CliContext } from '../context.ts';
import { parseMoment } from '../core/parse.ts';
import { clipped } from '../core/printable.ts';
import type { Tables } from '../output.ts';
import { type AddCommand, examples, lists, timeOption } from './command.ts';
import { endpointName } from './control.ts';

const DETAIL_CHARS_MAX = 300;
/** Unreadable control records that are told one by one; all are counted. */
const UNREADABLE_TOLD_MAX = 20;

interface AuditCommandOptions {
  readonly from?: string;
  readonly to?: string;
  readonly rollbackCuts: number;
  readonly rollbackAnswers: number;
}

/** What each check looks for. */
const MEANINGS: Readonly<Record<CheckName, string>> = {
  lost: 'a request without outcome, or a dead letter without the bytes of its request',
  duplicated: 'a request with more than one outcome, or an outcome of no request',
  'wrong-version': 'an answer by another version than the cuts name, without its one rescue on record',
  'aborted-read': 'an answer or a rescue that rests on no committed record',
  order: 'answers of one key and lane out of request order, rescues aside',
  shadow: 'an answer by a version that was only shadowed',
  misrouted: 'a request in another lane than its cut says, or twice; a cut that nobody published',
  'not-ready': 'a plan that gave traffic to a version whose lane was not READY',
  rollback: 'a late cut after an abort, or a late answer of the version that was taken back',
};

export const addAudit: AddCommand = (program, runner) => {
  const command: Command = program
    .command('audit <endpoint>')
    .summary('check from the topics that every promise was kept')
    .description(
      'Reads the topics of an endpoint and checks that every request was answered once, by the right version, in order. ' +
        'Requests that are under way when it starts are left out. Reads without a group, in bounded memory. ' +
        'Control records that cannot be read are left out, as the services leave them out, and counted. ' +
        'Ends with 1 when a promise was broken, and with another code when an error kept it from judging.',
    )
    .option('--from <time>', 'requests from this time on: a date like 2026-01-31T12:00:00Z, or how long ago, like 1h')
    .option('--to <time>', 'requests before this time')
    .addOption(
      timeOption('--rollback-cuts <time>', 'longest time from an abort to its last cut', `${ROLLBACK_BOUNDS.cutMs}ms`),
    )
    .addOption(
      timeOption(
        '--rollback-answers <time>',
        'longest time from an abort to the last bad answer',
        `${ROLLBACK_BOUNDS.answerMs}ms`,
      ),
    );
  lists(
    command,
    'Checks',
    CHECKS.map((check) => [check, MEANINGS[check]]),
  );
  examples(command, [
    ['millrace audit digits', 'everything that the topics still hold'],
    ['millrace audit digits --from 2h --to 1h', 'the hour before the last one'],
    ['millrace audit digits --from 2026-01-31T12:00:00Z -o json', 'for a script'],
  ]);
  runner.bind<AuditCommandOptions>(command, async (context, { operands: [name], options }) => {
    const endpoint = endpointName(name);
    const nowMs = context.clock.nowMs();
    const moment = (text: string | undefined) => (text === undefined ? undefined : parseMoment(text, nowMs));
    const [fromMs, toMs] = [moment(options.from), moment(options.to)];
    let unreadable = 0;
    const totals = await auditEndpoint({
      ...{ bus: await context.bus(), topics: context.topics, endpoint, nowMs, signal: context.signal },
      ...(fromMs === undefined ? {} : { fromMs }),
      ...(toMs === undefined ? {} : { toMs }),
      bounds: { cutMs: options.rollbackCuts, answerMs: options.rollbackAnswers },
      onUnreadable: ({ message }) => {
        if (++unreadable <= UNREADABLE_TOLD_MAX) context.say(`left out: ${message}`);
      },
      onProgress: (partition, { requests }) => context.say(`partition ${partition} read: ${requests} requests so far`),
    });
    show(context, endpoint, totals);
    return totals.violations === 0 ? 'ok' : 'failed';
  });
};

function show(context: CliContext, endpoint: string, totals: Totals): void {
  const { requests, answered, deadLettered, pending, unreadable, counts, kept } = totals;
  const { lastBadAnswerMs, lastRollbackCutMs } = totals;
  const versions = [...totals.versions]
    .sort(([a], [b]) => a - b)
    .map(([version, { answers, rescued, runtimes }]) => ({ version, answers, rescued, runtimes }));
  const figures = { requests, answered, deadLettered, pending, unreadable, lastRollbackCutMs, lastBadAnswerMs };
  const value = { endpoint, ...figures, versions, violations: counts, examples: kept };
  context.out.result(value, (tables) => linesOf(totals, tables));
}

function linesOf(totals: Totals, { table, style }: Tables): string[] {
  const { requests, answered, deadLettered, pending, unreadable, counts, kept } = totals;
  const verdict = (count: number) => (count === 0 ? style('green', 'kept') : style('red', 'BROKEN'));
  return [
    `${requests} requests: ${answered} answered, ${deadLettered} dead-lettered, ${pending} under way`,
    ...(unreadable === 0 ? [] : [style('red', `${unreadable} control records cannot be read and were left out`)]),
    '',
    ...table(
      ['CHECK', 'FOUND', 'PROMISE'],
      CHECKS.map((check) => [check, String(counts[check]), verdict(counts[check])]),
      [1],
    ),
    ...kept.map(({ check, at, detail }) => `${style('red', check)} ${clipped(`${at}: ${detail}`, DETAIL_CHARS_MAX)}`),
  ];
}
