// tail: the newest records of one of an endpoint's topics, decoded.

import { type Command, Option } from 'commander';
import { LANES, type Lane } from '../../../shared/domain/route-plan.ts';
import type { CliContext } from '../context.ts';
import { parseCount } from '../core/parse.ts';
import { readLast } from '../read.ts';
import { lineOf, type ViewKind, viewOf } from '../record-view.ts';
import { type AddCommand, examples } from './command.ts';
import { endpointName } from './control.ts';

const LIMIT_DEFAULT = 10;
const LIMIT_MAX = 100_000;

interface TailOptions {
  readonly predictions?: boolean;
  readonly requests?: boolean;
  readonly deadLetters?: boolean;
  readonly cuts?: boolean;
  readonly lane?: Lane;
  readonly follow?: boolean;
  readonly limit: number;
}

const CHOICES = ['predictions', 'requests', 'deadLetters', 'cuts', 'lane'] as const;

export const addTail: AddCommand = (program, runner) => {
  const one = (flags: string, what: string, name: (typeof CHOICES)[number]) =>
    new Option(flags, what).conflicts(CHOICES.filter((other) => other !== name));
  const command: Command = program
    .command('tail <endpoint>')
    .summary('show the newest records of a topic')
    .description(
      'Shows the newest records of one of the topics of an endpoint, decoded; predictions unless told otherwise.',
    )
    .addOption(one('--predictions', 'what models and error answers say (the default)', 'predictions'))
    .addOption(one('--requests', 'what producers sent', 'requests'))
    .addOption(one('--dead-letters', 'what could not be answered, and why', 'deadLetters'))
    .addOption(one('--cuts', 'where plans took over', 'cuts'))
    .addOption(one('--lane <colour>', 'what is routed to a lane', 'lane').choices(LANES))
    .option('-f, --follow', 'go on with new records until Ctrl-C')
    .option('-n, --limit <count>', 'records to begin with', (text) => parseCount(text, LIMIT_MAX), LIMIT_DEFAULT);
  examples(command, [
    ['millrace tail digits --follow', 'watch the answers'],
    ['millrace tail digits --dead-letters -n 100', 'what went wrong lately'],
    ['millrace tail digits --lane green -f', 'what the candidate is asked'],
    ['millrace tail digits --requests -o json', 'one JSON object per line'],
  ]);
  runner.bind<TailOptions>(command, async (context, { operands: [name], options }) => {
    const { topic, kind } = sourceOf(context, endpointName(name), options);
    const bus = await context.bus();
    const show = (record: Parameters<typeof viewOf>[0]) =>
      context.out.item(viewOf(record, kind), ({ style }) => lineOf(record, kind, (text) => style('dim', text)));
    const { records, next } = await readLast(context, bus, { topic, limit: options.limit });
    records.forEach(show);
    if (options.follow !== true) return 'ok';
    for await (const batch of bus.read({ topic, from: next, until: 'never', signal: context.signal })) {
      batch.records.forEach(show);
    }
    return 'ok';
  });
};

function sourceOf({ topics }: CliContext, endpoint: string, options: TailOptions): { topic: string; kind: ViewKind } {
  if (options.requests) return { topic: topics.endpoint(endpoint, 'requests'), kind: 'request' };
  if (options.deadLetters) return { topic: topics.endpoint(endpoint, 'dead-letters'), kind: 'dead-letter' };
  if (options.cuts) return { topic: topics.endpoint(endpoint, 'cuts'), kind: 'cut' };
  if (options.lane) return { topic: topics.lane(endpoint, options.lane), kind: 'request' };
  return { topic: topics.endpoint(endpoint, 'predictions'), kind: 'answer' };
}
