// control: promote, abort and set weight: one record on millrace.commands, answered by an event of the controller.
// Invariant: every command has a fresh idempotency key, so that its answer is found and a retried write counts once.

import { type Command, Option } from 'commander';
import { CONTROL_CONTENT_TYPE, encodeControl } from '../../../shared/codec/control.ts';
import { endpointNameSchema } from '../../../shared/domain/endpoint.ts';
import { MillraceError } from '../../../shared/domain/errors.ts';
import type { Command as CommandRecord } from '../../../shared/domain/rollout.ts';
import type { CliContext } from '../context.ts';
import { answersCommand, judge, type Verdict } from '../core/outcome.ts';
import { formatWeight, parseWeight } from '../core/parse.ts';
import type { ExitName } from '../exit-codes.ts';
import { awaitEvent, journalEnd } from '../journal.ts';
import { type AddCommand, examples, timeOption } from './command.ts';
import { endOf, verdictLine } from './verdict.ts';

interface ControlOptions {
  readonly reason: string;
  /** Undefined: wait for the answer. True: and for the end of the rollout. False: wait for nothing. */
  readonly wait?: boolean;
  readonly timeout: number;
}

type Asked = { readonly verb: 'promote' | 'abort' } | { readonly verb: 'set-weight'; readonly weightBp: number };

const encoder = new TextEncoder();

export const addControl: AddCommand = (program, runner) => {
  const promote = withOptions(program.command('promote <endpoint>'), 'and until the old lane is empty')
    .summary('give the candidate all of the traffic')
    .description('Gives the candidate all of the traffic and ends its rollout.');
  examples(promote, [
    ['millrace promote digits --reason "looks good"', 'switch, and say why'],
    ['millrace promote digits --wait', 'and wait until the rollout is complete'],
  ]);
  runner.bind<ControlOptions>(promote, (context, { operands: [endpoint], options }) =>
    command(context, { endpoint, asked: { verb: 'promote' }, options }),
  );

  const abort = withOptions(program.command('abort <endpoint>'), 'and until the lane of the candidate is empty')
    .summary('take the traffic back from the candidate')
    .description(
      'Takes the traffic back from the candidate, at once: what is queued for it is answered by the incumbent. ' +
        'After a blue-green or canary promotion it switches back to the old version.',
    );
  examples(abort, [
    ['millrace abort digits --reason "wrong on sevens"', 'roll back, and say why'],
    ['millrace abort digits --wait --timeout 5m', 'and wait until the rollout is over'],
  ]);
  runner.bind<ControlOptions>(abort, (context, { operands: [endpoint], options }) =>
    command(context, { endpoint, asked: { verb: 'abort' }, options }),
  );

  const set = program.command('set').summary('change a rollout that is under way').description('Changes a rollout.');
  const weight = withOptions(set.command('weight <endpoint> <weight>'), null)
    .summary('move the share of a canary')
    .description(
      'Moves the share of a canary: basis points (0..10000) or a percentage. A growing share only adds keys.',
    );
  examples(weight, [
    ['millrace set weight digits 25%', 'a quarter of the keys'],
    ['millrace set weight digits 50 --reason "first look"', '50 basis points: half a percent'],
  ]);
  runner.bind<ControlOptions>(weight, (context, { operands: [endpoint, share = ''], options }) =>
    command(context, { endpoint, asked: { verb: 'set-weight', weightBp: parseWeight(share) }, options }),
  );
};

/** @param more what `--wait` waits for beyond the answer; null: the answer is all there is */
function withOptions(declared: Command, more: string | null): Command {
  declared.addOption(new Option('--reason <text>', 'why, for the audit trail').default('', 'none'));
  const wait =
    more === null ? 'wait for the controller’s answer (the default)' : `wait for the controller’s answer ${more}`;
  return declared
    .option('--wait', wait)
    .option('--no-wait', 'only write the command')
    .addOption(timeOption('--timeout <time>', 'longest wait', '60s'));
}

async function command(
  context: CliContext,
  what: { readonly endpoint: string | undefined; readonly asked: Asked; readonly options: ControlOptions },
): Promise<ExitName> {
  const { asked, options } = what;
  const endpoint = endpointName(what.endpoint);
  const bus = await context.bus();
  const idempotencyKey = context.newKey();
  const record: CommandRecord = { endpoint, idempotencyKey, actor: context.actor, reason: options.reason, ...asked };
  const from = options.wait === false ? 0 : await journalEnd(context, bus);
  const place = { topic: context.topics.control('commands'), partition: 0, key: encoder.encode(endpoint) };
  await bus.write([{ ...place, value: encodeControl('command', record), headers: [CONTROL_CONTENT_TYPE] }]);
  const name = asked.verb === 'set-weight' ? `set weight ${formatWeight(asked.weightBp)}` : asked.verb;
  if (options.wait === false) {
    context.out.result({ endpoint, verb: asked.verb, idempotencyKey, result: 'written', event: null }, () => [
      `${name} of ${endpoint}: written`,
    ]);
    return 'ok';
  }
  const { kind, event } = await awaitEvent<Verdict>(context, bus, {
    from,
    timeoutMs: options.timeout,
    words: `${name} of ${endpoint}`,
    judge: judge({
      wait: options.wait === true && asked.verb !== 'set-weight' ? 'completed' : 'accepted',
      isAnswer: answersCommand(idempotencyKey),
      outcome: asked.verb === 'abort' ? 'aborted' : 'promoted',
    }),
  });
  context.out.result({ endpoint, verb: asked.verb, idempotencyKey, result: kind, event }, ({ style }) => [
    `${name} of ${endpoint}: ${kind === 'ok' ? style('green', verdictLine(event)) : verdictLine(event)}`,
  ]);
  return endOf(context, [{ kind, event }]);
}

/** A checked endpoint name. @throws USAGE */
export function endpointName(text: string | undefined): string {
  const parsed = endpointNameSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new MillraceError('USAGE', { detail: `'${text}' is no endpoint: ${parsed.error.issues[0]?.message ?? ''}` });
}
