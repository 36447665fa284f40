// Generated: the parts of the documentation that follow from tables in the code.
// Flow: `npm run docs` writes them between markers; docs.test.ts fails when a page is not what this gives.

import { comparatorConfig } from '../../services/comparator/config.ts';
import { controllerConfig } from '../../services/controller/config.ts';
import { routerConfig } from '../../services/router/config.ts';
import { scorerConfig } from '../../services/scorer/config.ts';
import { shadowConfig } from '../../services/shadow/config.ts';
import { COMMON_ROWS } from '../../shared/config/common.ts';
import { renderConfigTable } from '../../shared/config/load.ts';
import { grantsOf, SERVICES_WITH_ACCESS } from '../../shared/domain/access.ts';
import { ERRORS } from '../../shared/domain/errors.ts';
import { STRATEGIES } from '../../shared/strategies/registry.ts';
import { EVENTS } from '../../shared/telemetry/events.ts';

/** Markdown between `<!-- generated: <name> -->` and `<!-- end -->`, by page and name. */
export const GENERATED: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
  'docs/errors.md': { errors: errorTable },
  'docs/operations.md': { settings: settingTables, access: accessTable, events: eventTable, strategies: strategyTable },
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
  const tables = [routerConfig, scorerConfig, shadowConfig, comparatorConfig, controllerConfig];
  const own = tables.flatMap(({ service, rows }) => {
    const added = Object.entries(rows).filter(([name]) => !(name in COMMON_ROWS));
    if (added.length === 0) return [];
    return [`Besides, the ${service}:\n\n${renderConfigTable({ service, rows: Object.fromEntries(added) })}`];
  });
  return [`Every service:\n\n${renderConfigTable({ service: 'every', rows: COMMON_ROWS })}`, ...own].join('\n');
}

/** One row per service, kind of resource and set of operations. */
function accessTable(): string {
  const rows = SERVICES_WITH_ACCESS.flatMap((service) => {
    const grants = grantsOf(service, { prefix: '', endpoint: 'E' });
    const operationsOf = groupBy(grants, ({ resource, name, patternType }) =>
      [resource, `\`${name}${patternType === 'prefixed' ? '*' : ''}\``].join(' on '),
    );
    const namesOf = groupBy([...operationsOf], ([place, of]) => {
      const [resource = ''] = place.split(' on ');
      return `| ${service} | ${resource} | ${of.map(({ operation }) => operation).join(', ')}`;
    });
    return [...namesOf].map(([row, of]) => `${row} | ${of.map(([place]) => place.split(' on ')[1]).join(', ')} |`);
  });
  return `| service | resource | operations | names |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
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
