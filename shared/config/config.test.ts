// Goal: settings are refused all at once and by name, never silently replaced.
// Method: a small table beside the common rows; the environment is an object.

import { expect, test } from 'vitest';
import { MillraceError } from '../domain/errors.ts';
import { COMMON_RELATIONS, COMMON_ROWS, kafkaOptions } from './common.ts';
import { defineConfig, type Env, integer, loadConfig, renderConfigTable, shownConfig } from './load.ts';

const table = defineConfig({
  service: 'mill',
  rows: {
    ...COMMON_ROWS,
    stones: integer({ env: 'MILLRACE_STONES', unit: 'stones', fallback: 2, min: 1, max: 8, sentence: 'Millstones.' }),
  },
  relations: COMMON_RELATIONS,
});
const BROKERS = { MILLRACE_BROKERS: 'a:9092, b:9093' };

/** What `loadConfig` says of `env`. */
function problemsOf(env: Env): string {
  try {
    loadConfig(table, env);
    return '';
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    return error instanceof MillraceError ? error.message : '';
  }
}

test('values come from the environment, the rest from the table', () => {
  const config = loadConfig(table, { ...BROKERS, MILLRACE_STONES: '3', MILLRACE_TLS: 'true', HOME: '/somewhere' });
  expect(config).toMatchObject({ brokers: ['a:9092', 'b:9093'], stones: 3, tls: true, prefix: '', logLevel: 'info' });
});

test('an empty variable counts as not set', () => {
  expect(loadConfig(table, { ...BROKERS, MILLRACE_STONES: ' ' }).stones).toBe(2);
});

test('every problem is named at once', () => {
  const problems = problemsOf({
    MILLRACE_STONES: '9',
    MILLRACE_TLS: 'yes',
    MILLRACE_LOG_LEVEL: 'loud',
    MILLRACE_PREFIX: 'a b',
    MILLRACE_STONE: '1',
  });
  for (const part of [
    'MILLRACE_BROKERS must be set',
    "MILLRACE_STONES='9' is not in 1..8 stones",
    "MILLRACE_TLS='yes' is not true or false",
    "MILLRACE_LOG_LEVEL='loud' is not one of debug, info, warn, error",
    "MILLRACE_PREFIX='a b' does not match",
    'MILLRACE_STONE is no setting of mill',
  ]) {
    expect(problems).toContain(part);
  }
});

test.each(['2.5', '1e3', '0x2', 'two', '99999999999999999999'])('%j is no whole number', (given) => {
  expect(problemsOf({ ...BROKERS, MILLRACE_STONES: given })).toContain('MILLRACE_STONES');
});

test.each(['a', 'a:', ':9092', 'a:99999', 'a:9092,', 'http://a:9092'])('%j is no list of brokers', (given) => {
  expect(problemsOf({ MILLRACE_BROKERS: given })).toContain('is not host:port');
});

test('a transaction may not outlive a session', () => {
  expect(
    problemsOf({ ...BROKERS, MILLRACE_TRANSACTION_TIMEOUT_MS: '5000', MILLRACE_SESSION_TIMEOUT_MS: '5000' }),
  ).toMatch(/TRANSACTION_TIMEOUT_MS \(5000\) must be below .* aborted before its partition moves/);
});

test('three heartbeats must fit a session', () => {
  expect(problemsOf({ ...BROKERS, MILLRACE_HEARTBEAT_INTERVAL_MS: '3334' })).toContain('three times');
  expect(problemsOf({ ...BROKERS, MILLRACE_HEARTBEAT_INTERVAL_MS: '3333' })).toBe('');
});

test('a login needs a user and a password, and a plain one needs TLS', () => {
  expect(problemsOf({ ...BROKERS, MILLRACE_SASL_MECHANISM: 'scram-sha-512' })).toContain(
    'needs MILLRACE_SASL_USERNAME',
  );
  const login = { MILLRACE_SASL_MECHANISM: 'plain', MILLRACE_SASL_USERNAME: 'u', MILLRACE_SASL_PASSWORD: 'secret' };
  expect(problemsOf({ ...BROKERS, ...login })).toContain('needs MILLRACE_TLS=true');
  const config = loadConfig(table, { ...BROKERS, ...login, MILLRACE_TLS: 'true' });
  expect(kafkaOptions(config)).toMatchObject({ ssl: true, sasl: { mechanism: 'plain', username: 'u' } });
  expect(kafkaOptions(loadConfig(table, BROKERS))).not.toHaveProperty('sasl');
});

test('secrets are neither shown nor repeated in a problem', () => {
  const config = loadConfig(table, { ...BROKERS, MILLRACE_SASL_PASSWORD: 'secret' });
  const shown = shownConfig(table, config);
  expect(JSON.stringify(shown)).not.toContain('secret');
  expect(shown).toMatchObject({ MILLRACE_SASL_PASSWORD: '(hidden)', MILLRACE_STONES: 2 });
});

test('the table renders one row per setting', () => {
  const lines = renderConfigTable(table).trimEnd().split('\n');
  expect(lines).toHaveLength(2 + Object.keys(table.rows).length);
  expect(lines).toContain('| `MILLRACE_STONES` | stones | `2` | `1..8` | Millstones. |');
  expect(lines.find((line) => line.includes('MILLRACE_BROKERS'))).toContain('(must be set)');
});
