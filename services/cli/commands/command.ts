// Command: how a verb is declared: commander's definition, examples, and an action that returns the name of its exit code.
// Invariant: every verb with an action has an example; help, docs/cli.md and tests read them from here.

import { type Command, Option } from 'commander';
import { WINDOW_MAX } from '../../../shared/comparing/limits.ts';
import { EXAMPLES_MAX } from '../../../shared/comparison/examples.ts';
import type { CliContext } from '../context.ts';
import { parseCount, parseDuration } from '../core/parse.ts';
import type { ExitName } from '../exit-codes.ts';

/** Work of a verb: operands and options as commander parsed them. */
export type Action<Options> = (
  context: CliContext,
  input: { readonly operands: readonly (string | undefined)[]; readonly options: Options },
) => Promise<ExitName>;

/** Runs actions; run.ts gives each command its context. */
export interface Runner {
  /** Makes `action` what `command` does. */
  bind<Options>(command: Command, action: Action<Options>): void;
}

/** Adds one verb, or a family of them, to the program. */
export type AddCommand = (program: Command, runner: Runner) => void;

/** A command line and what it is for. */
export type Example = readonly [commandLine: string, purpose: string];

interface NamedList {
  readonly title: string;
  readonly rows: readonly (readonly [name: string, meaning: string])[];
}

const known = new WeakMap<Command, readonly Example[]>();
const listed = new WeakMap<Command, NamedList>();

/** Shows `list` below the command's help. */
export function examples(command: Command, list: readonly Example[]): void {
  known.set(command, list);
  const width = Math.max(...list.map(([line]) => line.length));
  const lines = list.map(([line, purpose]) => `  ${line.padEnd(width)}  # ${purpose}\n`);
  command.addHelpText('after', `\nExamples:\n${lines.join('').trimEnd()}`);
}

/** Shows a list of names and what they mean below the command's help. */
export function lists(
  command: Command,
  title: string,
  rows: readonly (readonly [name: string, meaning: string])[],
): void {
  listed.set(command, { title, rows });
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, meaning]) => `  ${name.padEnd(width)}  ${meaning}\n`);
  command.addHelpText('after', `\n${title}:\n${lines.join('').trimEnd()}`);
}

/** The list of a command, or null. */
export function listOf(command: Command): NamedList | null {
  return listed.get(command) ?? null;
}

/** An option that takes a time, `fallback` unless it is given; milliseconds to the action. */
export function timeOption(flags: string, description: string, fallback: string): Option {
  return new Option(flags, description).argParser(parseDuration).default(parseDuration(fallback), fallback);
}

/** An option that takes a window, in requests; `fallback` unless it is given. */
export function windowOption(flags: string, description: string, fallback: number): Option {
  return new Option(flags, description).argParser((text) => parseCount(text, WINDOW_MAX)).default(fallback);
}

/** How many of the worst disagreements a table shows. */
export function topOption(): Option {
  const description = `worst disagreements in the table, at most ${EXAMPLES_MAX}: no more are kept`;
  return new Option('--top <n>', description).argParser((text) => parseCount(text, EXAMPLES_MAX)).default(EXAMPLES_MAX);
}

/** Examples of a command; none for a family of verbs. */
export function examplesOf(command: Command): readonly Example[] {
  return known.get(command) ?? [];
}
