// Program: the command `millrace` with its global options and every verb, in the order of the help.

import { Command, Option } from 'commander';
import { addApply } from './commands/apply.ts';
import { addAudit } from './commands/audit.ts';
import type { AddCommand, Runner } from './commands/command.ts';
import { addCompare } from './commands/compare.ts';
import { addControl } from './commands/control.ts';
import { addDev } from './commands/dev.ts';
import { addDlq } from './commands/dlq.ts';
import { addEvents } from './commands/events.ts';
import { addExplain } from './commands/explain.ts';
import { addModel } from './commands/model.ts';
import { addProduce } from './commands/produce.ts';
import { addRecount } from './commands/recount.ts';
import { addShadow } from './commands/shadow.ts';
import { addStatus } from './commands/status.ts';
import { addTail } from './commands/tail.ts';
import { addTopics } from './commands/topics.ts';
import { exitCodeLines } from './exit-codes.ts';
import { FORMATS } from './output.ts';

const COMMANDS: readonly AddCommand[] = [
  addDev,
  addApply,
  addStatus,
  addControl,
  addEvents,
  addTail,
  addProduce,
  addExplain,
  addCompare,
  addRecount,
  addShadow,
  addAudit,
  addModel,
  addDlq,
  addTopics,
];

/** Options that every verb takes, before or after its name. */
export interface GlobalOptions {
  readonly brokers?: string;
  readonly prefix?: string;
  readonly output: (typeof FORMATS)[number];
  readonly actor?: string;
}

/** The whole command line. Parsing errors throw; nothing here writes or exits. */
export function buildProgram(runner: Runner, version: string): Command {
  const program = new Command('millrace')
    .description(
      'Scores a Kafka stream of requests and changes the model under it. ' +
        'Everything goes through topics: results on standard output, messages on standard error.',
    )
    .option('--brokers <host:port,…>', 'Kafka to talk to (default: MILLRACE_BROKERS)')
    .option('--prefix <text>', 'prefix of every topic and group (default: MILLRACE_PREFIX, else none)')
    .addOption(new Option('-o, --output <format>', 'form of the results').choices(FORMATS).default('table'))
    .option('--actor <name>', 'who asks, for the audit trail (default: the user of this system)')
    .version(version, '-V, --version', 'show the version')
    .addHelpText('after', `\nExit codes:\n${exitCodeLines().join('\n')}`);
  for (const add of COMMANDS) add(program, runner);
  for (const command of everyCommand(program)) {
    command
      .exitOverride()
      .helpCommand(false)
      .configureHelp({ showGlobalOptions: command !== program })
      .allowExcessArguments(false);
  }
  return program;
}

/** The program and all commands below it, parents first. */
export function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}
