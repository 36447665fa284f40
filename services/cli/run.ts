// Run: one command line from its arguments to its exit code.
// Flow: arguments → program.ts → a command's action with its context → code of exit-codes.ts.
// Invariants: never throws; every error is printed once, as `CODE: message` and what to do; the bus is always closed;
//       whatever fails after Ctrl-C fails because of it.

import { type Command, CommanderError } from 'commander';
import type { Bus } from '../../shared/bus/bus.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import type { Action, Runner } from './commands/command.ts';
import { cliSettings } from './config.ts';
import type { CliContext, CliHost } from './context.ts';
import { printable } from './core/printable.ts';
import { EXIT_CODES, type ExitName, exitOf } from './exit-codes.ts';
import { createOutput, tablesFor } from './output.ts';
import { buildProgram, everyCommand, type GlobalOptions } from './program.ts';

/** What commander throws after it has shown what was asked for. */
const SHOWN: readonly string[] = ['commander.help', 'commander.helpDisplayed', 'commander.version'];

/** @param args without the interpreter and the script @returns the exit code */
export async function runCli(args: readonly string[], host: CliHost): Promise<number> {
  let exit: ExitName = 'ok';
  const runner: Runner = {
    bind: <Options>(command: Command, action: Action<Options>) => {
      command.action(async (...given: unknown[]) => {
        const operands = given.slice(0, -2).map((operand) => (typeof operand === 'string' ? operand : undefined));
        exit = await withContext(host, command.optsWithGlobals<GlobalOptions>(), (context) =>
          action(context, { operands, options: command.optsWithGlobals() as Options }),
        );
      });
    },
  };
  const program = buildProgram(runner, host.version);
  const noted = { help: '' };
  for (const command of everyCommand(program)) {
    command.configureOutput({
      writeOut: (text) => host.stdout.write(text),
      writeErr: (text) => {
        noted.help += text;
      },
      getOutHelpWidth: () => host.stdout.columns ?? 100,
      getErrHelpWidth: () => host.stderr.columns ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  }
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    exit = failed(host, error, { args, help: noted.help, program });
  }
  return EXIT_CODES[exit].code;
}

async function withContext(
  host: CliHost,
  options: GlobalOptions,
  work: (context: CliContext) => Promise<ExitName>,
): Promise<ExitName> {
  const settings = cliSettings(host.env, options, false);
  let bus: Promise<Bus> | null = null;
  const say = (line: string) => host.stderr.write(`${printable(line)}\n`);
  const { stdin, env, clock, newKey, signal } = host;
  const context: CliContext = {
    ...{ host, stdin, env, clock, newKey, signal, settings, say },
    out: createOutput(host.stdout, options.output, (env.NO_COLOR ?? '') === ''),
    sayProblem: (problem) => sayProblem(host, problem),
    actor: options.actor ?? host.user,
    actorGiven: options.actor !== undefined,
    topics: topicsOf(settings.prefix),
    bus: () => {
      bus ??= Promise.resolve(host.connect(cliSettings(env, options, true), say));
      return bus;
    },
  };
  try {
    return await work(context);
  } finally {
    await closeQuietly(bus);
  }
}

/** A bus that could not be connected has told so already. */
async function closeQuietly(bus: Promise<Bus> | null): Promise<void> {
  const connected = await bus?.catch(() => null);
  await connected?.close();
}

interface Circumstances {
  readonly args: readonly string[];
  /** Help that commander wanted on standard error. */
  readonly help: string;
  readonly program: Command;
}

function failed(host: CliHost, error: unknown, { args, help, program }: Circumstances): ExitName {
  if (error instanceof CommanderError) {
    if (SHOWN.includes(error.code)) {
      // `millrace` or a family without a verb: commander shows the help as an error.
      if (error.exitCode !== 0) host.stderr.write(help);
      return error.exitCode === 0 ? 'ok' : 'usage';
    }
    const message = error.message.replace(/^error: /, '').replace(/\s+/g, ' ');
    const action = `See \`${pathOf(program, args)} --help\`.`;
    sayProblem(host, { code: 'USAGE', message, action });
    return 'usage';
  }
  if (host.signal.aborted) return 'interrupted';
  if (error instanceof MillraceError) {
    const { code, message, action } = error;
    sayProblem(host, { code, message, action });
    return exitOf(error);
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  sayProblem(host, { code: 'ASSERTION', message: 'this should not have happened', action: 'Report it, with this:' });
  host.stderr.write(`${stack}\n`);
  return 'bug';
}

function sayProblem(host: CliHost, problem: Parameters<CliContext['sayProblem']>[0]): void {
  const { style } = tablesFor(host.stderr, (host.env.NO_COLOR ?? '') === '');
  host.stderr.write(`${style('red', printable(problem.code))}: ${printable(problem.message)}\n`);
  if (problem.action !== '') host.stderr.write(`${printable(problem.action)}\n`);
}

/** `millrace dlq replay`, as far as `args` name commands. */
function pathOf(program: Command, args: readonly string[]): string {
  let command = program;
  for (const name of args) {
    const next = command.commands.find((each) => each.name() === name);
    if (next !== undefined) command = next;
  }
  const names: string[] = [];
  for (let each: Command | null = command; each !== null; each = each.parent) names.unshift(each.name());
  return names.join(' ');
}
