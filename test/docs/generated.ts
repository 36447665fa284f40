// Generated: the parts of the documentation that follow from tables in the code.
// Flow: `npm run docs` writes them between markers; docs.test.ts fails when a page is not what this gives.

import { controllerConfig } from '../../services/controller/config.ts';
import { routerConfig } from '../../services/router/config.ts';
import { scorerConfig } from '../../services/scorer/config.ts';
import { renderConfigTable } from '../../shared/config/load.ts';
import { ERRORS } from '../../shared/domain/errors.ts';
import { STRATEGIES } from '../../shared/strategies/registry.ts';
import { EVENTS } from '../../shared/telemetry/events.ts';

/** Markdown between `<!-- generated: <name> -->` and `<!-- end -->`, by page and name. */
export const GENERATED: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  'docs/errors.md': { errors: errorTable },
  'docs/operations.md': { settings: settingTables, events: eventTable, strategies: strategyTable },
};

/** `page` with its generated parts filled in. */
export function fillPage(page: string, parts: Readonly<Record<string, () => string>>): string {
  return Object.entries(parts).reduce((text, [name, render]) => {
    const part = new RegExp(`(<!-- generated: ${name} -->\n)[\\s\\S]*?(<!-- end -->)`);
    return text.replace(part, (_whole, begin: string, end: string) => `${begin}${render()}${end}`);
  }, page);
}

function errorTable(): string {
  const rows = Object.entries(ERRORS)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { kind, message, action }]) => `| \`${code}\` | ${kind} | ${cell(message)} | ${cell(action)} |`);
  return `| code | kind | what happened | what to do |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

function settingTables(): string {
  const tables = [routerConfig, scorerConfig, controllerConfig];
  const texts = tables.map((table) => renderConfigTable(table));
  const same = texts.every((text) => text === texts[0]);
  if (same) return `Router, scorer and controller:\n\n${texts[0]}`;
  return tables.map((table, index) => `**${table.service}**\n\n${texts[index]}`).join('\n');
}

function eventTable(): string {
  const rows = Object.entries(EVENTS).map(
    ([name, { level, sentence }]) => `| \`${name}\` | ${level} | ${cell(sentence)} |`,
  );
  return `| event | level | sentence |\n|---|---|---|\n${rows.join('\n')}\n`;
}

function strategyTable(): string {
  const rows = STRATEGIES.map(
    ({ name, optionsKey, summary }) =>
      `| \`${name}\` | ${optionsKey === null ? '–' : `\`${optionsKey}\``} | ${summary} |`,
  );
  return `| strategy | options under | what it does |\n|---|---|---|\n${rows.join('\n')}\n`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/\{(\w+)\}/g, '`$1`');
}
