// events: the controller's journal, one line per event; the audit trail of who changed what, and why.

import type { Command } from 'commander';
import type { RolloutEvent } from '../../../shared/domain/event.ts';
import type { CliContext } from '../context.ts';
import { formatWeight, parseDuration } from '../core/parse.ts';
import { clipped } from '../core/printable.ts';
import { timeText } from '../core/time-text.ts';
import { eventOf } from '../journal.ts';
import { requireGoing } from '../read.ts';
import { type AddCommand, examples } from './command.ts';
import { endpointName } from './control.ts';

const MESSAGE_CHARS_MAX = 400;
const NAME_CHARS_MAX = 80;

/** Actors that are not worth a word. */
const NOBODY: readonly string[] = ['controller', 'unknown'];

interface EventsOptions {
  readonly follow?: boolean;
  readonly since?: number;
}

export const addEvents: AddCommand = (program, runner) => {
  const command: Command = program
    .command('events [endpoint]')
    .summary('show the journal: who changed what, and why')
    .description('Shows the events of one endpoint or of all, oldest first. Snapshots of the controller are left out.')
    .option('-f, --follow', 'go on with new events until Ctrl-C')
    .option('--since <time>', 'only events of this last while, like 1h', parseDuration);
  examples(command, [
    ['millrace events digits --since 1h', 'what happened in the last hour'],
    ['millrace events --follow', 'watch all endpoints'],
    ['millrace events digits -o json | jq -r .code', 'one JSON object per line'],
  ]);
  runner.bind<EventsOptions>(command, async (context, { operands: [name], options }) => {
    const only = name === undefined ? null : endpointName(name);
    const bus = await context.bus();
    const from = options.since === undefined ? 'earliest' : { timestampMs: context.clock.nowMs() - options.since };
    const topic = context.topics.control('events');
    const until = options.follow === true ? 'never' : 'end';
    for await (const { records } of bus.read({ topic, from, until, signal: context.signal })) {
      for (const record of records) {
        const event = eventOf(context, record);
        if (event !== null && event.type !== 'snapshot' && (only === null || event.endpoint === only))
          show(context, event);
      }
    }
    if (options.follow !== true) requireGoing(context);
    return 'ok';
  });
};

function show(context: CliContext, event: RolloutEvent): void {
  context.out.item(event, ({ style }) => {
    const bad = event.code !== '';
    const parts = [
      style('dim', timeText(event.atMs)),
      style('bold', clipped(event.endpoint, NAME_CHARS_MAX) || '-'),
      style(bad ? 'red' : 'green', event.type),
      clipped(event.rollout, NAME_CHARS_MAX),
      event.candidate === null ? '' : `v${event.candidate.version}`,
      event.weightBp === null ? '' : formatWeight(event.weightBp),
      clipped(event.code, NAME_CHARS_MAX),
      clipped(event.message, MESSAGE_CHARS_MAX),
      NOBODY.includes(event.actor) ? '' : style('dim', `by ${clipped(event.actor, NAME_CHARS_MAX)}`),
      event.reason === '' ? '' : style('dim', `because ${clipped(event.reason, MESSAGE_CHARS_MAX)}`),
    ];
    return parts.filter((part) => part !== '').join(' ');
  });
}
