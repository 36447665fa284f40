// Goal: help and docs/cli.md say what the commands are, all of it, and nothing else.
// Method: the definitions themselves; the page is written anew with `-u` and compared otherwise.

import { expect, test } from 'vitest';
import { RUNTIMES } from '../../shared/runtimes/registry.ts';
import { STRATEGIES } from '../../shared/strategies/registry.ts';
import { examplesOf } from './commands/command.ts';
import { nameOf, renderDocs } from './docs.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { buildProgram, everyCommand } from './program.ts';

const program = buildProgram({ bind: () => undefined }, '0.0.0');
const verbs = everyCommand(program).filter((command) => command.commands.length === 0);

/** What `--help` prints, examples and lists included. */
function helpOf(command: (typeof verbs)[number]): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 100 }).outputHelp();
  return text;
}

test('docs/cli.md is what the definitions say', async () => {
  await expect(renderDocs(program)).toMatchFileSnapshot('../../docs/cli.md');
});

test('the verbs are those that people know', () => {
  expect(verbs.map(nameOf)).toEqual(
    [
      ...['dev', 'apply', 'status', 'promote', 'abort', 'set weight', 'events', 'tail', 'produce', 'explain'],
      ...['compare', 'recount', 'shadow replay', 'audit'],
      ...['model pack', 'model verify', 'model inspect', 'dlq ls', 'dlq replay', 'topics create'],
    ].map((name) => `millrace ${name}`),
  );
});

test.each(verbs.map((command) => [nameOf(command), command] as const))(
  '%s has examples of itself in its help',
  (name, command) => {
    const help = helpOf(command);
    expect(examplesOf(command).length).toBeGreaterThan(0);
    for (const [line] of examplesOf(command)) {
      expect(help).toContain(line);
      // Global options may stand before the verb.
      expect(line.replace(/ --prefix \S+/, '')).toContain(name);
    }
    expect(command.summary()).toMatch(/^[a-z].*[^.]$/);
    expect(command.description()).toMatch(/^[A-Z][\s\S]*\.$/);
  },
);

test.each(verbs.map((command) => [nameOf(command), command] as const))(
  'every option in the examples of %s exists',
  (_name, command) => {
    const known = [...command.options, ...program.options].flatMap(({ short, long }) => [short, long]);
    for (const [line] of examplesOf(command)) {
      const ours = line.slice(line.indexOf('millrace'), line.includes('| jq') ? line.indexOf('| jq') : undefined);
      for (const [, flag] of ours.matchAll(/ (--?[a-z][a-z-]*)/gi)) expect(known, line).toContain(flag);
    }
  },
);

test('the help shows every exit code, runtime, format and strategy', () => {
  const help = helpOf(program);
  for (const { code, meaning } of Object.values(EXIT_CODES)) expect(help).toContain(`${code}  ${meaning}`);
  const pack = verbs.find((command) => nameOf(command) === 'millrace model pack');
  const packHelp = pack === undefined ? '' : helpOf(pack);
  for (const { id, formats } of RUNTIMES) expect(packHelp).toMatch(new RegExp(`${id} +${formats.join(', ')}`));
  const apply = verbs.find((command) => nameOf(command) === 'millrace apply');
  const applyHelp = apply === undefined ? '' : helpOf(apply);
  for (const { name } of STRATEGIES) expect(applyHelp).toContain(`\n  ${name} `);
});

test('exit codes are different from one another', () => {
  const codes = Object.values(EXIT_CODES).map(({ code }) => code);
  expect(new Set(codes).size).toBe(codes.length);
});
