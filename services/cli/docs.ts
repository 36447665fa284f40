// Docs: docs/cli.md from the definitions of the commands. docs.test.ts compares the file with this.

import type { Command, Option } from 'commander';
import { examplesOf, listOf } from './commands/command.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { everyCommand } from './program.ts';

const HEAD = `# The command line

<!-- Written from the definitions in services/cli by \`npx vitest run --project unit services/cli/docs.test.ts -u\`. -->

\`millrace\` shows and commands; it holds no state. What it writes are records on topics, with actor and reason, that any
producer could write as well; what it shows comes from topics. Results go to standard output as a table, JSON or YAML
(\`-o\`), messages to standard error; colours only to a terminal, and never with \`NO_COLOR\`. A stream of results (\`events\`,
\`tail\`, \`produce\`) is one JSON object per line, or one YAML document each. Errors are two lines: \`CODE: message\`, then
what to do; [errors.md](errors.md) lists the codes. Settings come from the environment ([operations.md](operations.md)); an
option stands before its variable. Times are written \`500ms\`, \`60s\`, \`5m\`, \`1h\`, \`7d\`.
`;

/** The whole page. */
export function renderDocs(program: Command): string {
  const verbs = everyCommand(program).filter((command) => command !== program && command.commands.length === 0);
  return [
    HEAD,
    `## Options of every command\n\n${optionTable(program.options)}`,
    `## Exit codes\n\n${exitTable()}`,
    `## Commands\n\n${verbs.map(indexLine).join('\n')}\n`,
    ...verbs.map(section),
  ].join('\n');
}

function indexLine(command: Command): string {
  return `- [\`${nameOf(command)}\`](#${nameOf(command).replaceAll(' ', '-')}): ${command.summary()}`;
}

function section(command: Command): string {
  const list = listOf(command);
  const commands = examplesOf(command);
  const width = Math.max(...commands.map(([line]) => line.length));
  const lines = commands.map(([line, purpose]) => `${line.padEnd(width)}  # ${purpose}`);
  return [
    `### ${nameOf(command)}\n`,
    `\`${nameOf(command)} ${command.usage()}\`\n`,
    `${command.description()}\n`,
    ...(command.options.length === 0 ? [] : [optionTable(command.options)]),
    ...(list === null
      ? []
      : [`${list.title}:\n\n${list.rows.map((row) => `- \`${row[0]}\`: ${row[1]}`).join('\n')}\n`]),
    `\`\`\`sh\n${lines.join('\n')}\n\`\`\`\n`,
  ].join('\n');
}

function optionTable(options: readonly Option[]): string {
  const rows = options.map((option) => `| \`${option.flags}\` | ${cell(optionText(option))} |\n`);
  return `| option | what it does |\n|---|---|\n${rows.join('')}`;
}

function optionText(option: Option): string {
  const fallback: unknown = option.defaultValueDescription ?? option.defaultValue;
  const notes = [
    ...(option.mandatory ? ['required'] : []),
    ...(option.argChoices === undefined ? [] : [`one of ${option.argChoices.join(', ')}`]),
    ...(fallback === undefined ? [] : [`default: ${fallback}`]),
    ...(option.presetArg === undefined ? [] : [`alone: ${option.presetArg}`]),
  ];
  return notes.length === 0 ? option.description : `${option.description} (${notes.join('; ')})`;
}

function exitTable(): string {
  const rows = Object.values(EXIT_CODES).map(({ code, meaning }) => `| ${code} | ${cell(meaning)} |\n`);
  return `| code | meaning |\n|---|---|\n${rows.join('')}`;
}

/** Text inside a table: a bar would end the cell, angle brackets would be a tag. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}

/** `millrace set weight` */
export function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}
