// Load: settings from environment variables, described by one table per service.
// Flow: main.ts → `loadConfig(table, env)` → values, or every problem at once; docs and `service-started` from the same table.
// Invariant: an unknown MILLRACE_ key, a value out of range and a broken relation are refused, never defaulted.
// Example (services/router/config.ts):
//   export const routerConfig = defineConfig({
//     service: 'router',
//     rows: {
//       ...COMMON_ROWS,
//       batchRecordsMax: integer({ env: 'MILLRACE_BATCH_RECORDS_MAX', unit: 'records', fallback: 500, min: 1, max: 10_000,
//                                  sentence: 'Requests of one transaction at most.' }),
//     },
//     relations: COMMON_RELATIONS,
//   });
//   const config = loadConfig(routerConfig, process.env);   // in main.ts only

import { MillraceError } from '../domain/errors.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** One setting. `parse` gives the value or, in words, what is wrong. */
export interface ConfigRow<Value> {
  readonly env: string;
  /** Unit or form of the value, e.g. `ms`, `host:port, …`. */
  readonly unit: string;
  /** Null: the setting must be given. */
  readonly fallback: Value | null;
  /** Range in words, for people: `1..10000`, `a | b`; empty for free text. */
  readonly range: string;
  readonly sentence: string;
  /** Never shown. */
  readonly secret: boolean;
  readonly parse: (text: string) => { readonly value: Value } | { readonly problem: string };
}

type Rows = Readonly<Record<string, ConfigRow<unknown>>>;
export type ConfigValues<R extends Rows> = { readonly [K in keyof R]: R[K] extends ConfigRow<infer V> ? V : never };

/** What can be said of any table, whatever its values: for docs and checks. */
export interface ConfigRows {
  readonly service: string;
  readonly rows: Rows;
}

export interface ConfigTable<R extends Rows> extends ConfigRows {
  readonly rows: R;
  /** Each: the rule that the values break together, in words, or null. */
  readonly relations: readonly ((values: ConfigValues<R>) => string | null)[];
}

/** Read by tests and tools, never a service's setting. */
const FOREIGN_KEYS: readonly string[] = ['MILLRACE_CACHE'];
const PREFIX = 'MILLRACE_';

export function defineConfig<R extends Rows>(table: ConfigTable<R>): ConfigTable<R> {
  return table;
}

interface RowText<Value> {
  readonly env: string;
  readonly sentence: string;
  readonly fallback?: Value;
  readonly secret?: boolean;
}

function row<Value>(spec: RowText<Value>, form: Pick<ConfigRow<Value>, 'unit' | 'range' | 'parse'>): ConfigRow<Value> {
  const { env, sentence } = spec;
  return { env, sentence, fallback: spec.fallback ?? null, secret: spec.secret ?? false, ...form };
}

/** Text that matches `pattern` (default: anything), described by `unit`. */
export function text(spec: RowText<string> & { readonly unit?: string; readonly pattern?: RegExp }): ConfigRow<string> {
  const { pattern } = spec;
  return row(spec, {
    unit: spec.unit ?? 'text',
    range: pattern === undefined ? '' : pattern.source,
    parse: (given) =>
      pattern === undefined || pattern.test(given) ? { value: given } : { problem: `does not match ${pattern.source}` },
  });
}

/** A whole number of `unit`, `min` to `max`, both included. */
export function integer(
  spec: RowText<number> & { readonly unit: string; readonly min: number; readonly max: number },
): ConfigRow<number> {
  const { unit, min, max } = spec;
  return row(spec, {
    unit,
    range: `${min}..${max}`,
    parse: (given) => {
      if (!/^-?\d{1,15}$/.test(given)) return { problem: 'is not a whole number' };
      const value = Number(given);
      return value < min || value > max ? { problem: `is not in ${min}..${max} ${unit}` } : { value };
    },
  });
}

/** `true` or `false`. */
export function flag(spec: RowText<boolean>): ConfigRow<boolean> {
  return row(spec, {
    unit: 'flag',
    range: 'true | false',
    parse: (given) =>
      given === 'true' || given === 'false' ? { value: given === 'true' } : { problem: 'is not true or false' },
  });
}

/** One of `choices`. */
export function choice<const Choice extends string>(
  spec: RowText<NoInfer<Choice>> & { readonly choices: readonly Choice[] },
): ConfigRow<Choice> {
  return row<Choice>(spec, {
    unit: 'name',
    range: spec.choices.join(' | '),
    parse: (given) => {
      const value = spec.choices.find((known) => known === given);
      return value === undefined ? { problem: `is not one of ${spec.choices.join(', ')}` } : { value };
    },
  });
}

/** Comma-separated `host:port`, at least one. */
export function addresses(spec: RowText<readonly string[]>): ConfigRow<readonly string[]> {
  return row(spec, {
    unit: 'host:port, …',
    range: 'ports 1..65535',
    parse: (given) => {
      const value = given.split(',').map((address) => address.trim());
      const bad = value.find((address) => !isAddress(address));
      return bad === undefined ? { value } : { problem: `'${bad}' is not host:port` };
    },
  });
}

/**
 * Values of a table. An empty variable counts as not set.
 * @throws CONFIG_INVALID naming every problem, one after the other
 */
export function loadConfig<R extends Rows>(table: ConfigTable<R>, env: Env): ConfigValues<R> {
  const problems = unknownKeys(table, env);
  const values: Record<string, unknown> = {};
  for (const [key, each] of Object.entries(table.rows)) {
    const given = env[each.env]?.trim() ?? '';
    if (given === '') {
      if (each.fallback === null) problems.push(`${each.env} must be set`);
      values[key] = each.fallback;
      continue;
    }
    const parsed = each.parse(given);
    if ('value' in parsed) values[key] = parsed.value;
    else problems.push(`${each.env}${each.secret ? '' : `='${given}'`} ${parsed.problem}`);
  }
  const complete = values as ConfigValues<R>;
  // Relations speak of values that are each right by themselves.
  if (problems.length === 0) {
    problems.push(...table.relations.map((relation) => relation(complete)).filter((problem) => problem !== null));
  }
  if (problems.length > 0) throw new MillraceError('CONFIG_INVALID', { detail: problems.join('; ') });
  return complete;
}

/** Every setting in force, by its environment name, secrets hidden; for the log at start. */
export function shownConfig<R extends Rows>(table: ConfigTable<R>, values: ConfigValues<R>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(table.rows).map(([key, { env, secret }]) => {
      const value = values[key];
      return [env, secret && value !== '' ? '(hidden)' : value];
    }),
  );
}

/** The table as Markdown, for docs. */
export function renderConfigTable(table: ConfigRows): string {
  const lines = Object.values(table.rows).map((each) => {
    const fallback = each.fallback === null ? '(must be set)' : `\`${String(each.fallback)}\``;
    const range = each.range === '' ? '' : `\`${each.range.replaceAll('|', '\\|')}\``;
    return `| \`${each.env}\` | ${each.unit} | ${fallback === '``' ? '' : fallback} | ${range} | ${each.sentence} |\n`;
  });
  return `| variable | unit | default | range | what it does |\n|---|---|---|---|---|\n${lines.join('')}`;
}

function unknownKeys(table: ConfigRows, env: Env): string[] {
  const known = new Set([...Object.values(table.rows).map((each) => each.env), ...FOREIGN_KEYS]);
  return Object.keys(env)
    .filter((key) => key.startsWith(PREFIX) && !known.has(key))
    .sort()
    .map((key) => `${key} is no setting of ${table.service}`);
}

function isAddress(address: string): boolean {
  const match = /^(?:\[[0-9a-fA-F:.]+\]|[^:\s/]+):(\d{1,5})$/.exec(address);
  const port = Number(match?.[1]);
  return port >= 1 && port <= 65_535;
}
