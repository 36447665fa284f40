// Common: the settings that every service has, and the relations between them.
// Flow: services/<name>/config.ts spreads COMMON_ROWS → loadConfig → `kafkaOptions` for the bus.

import { addresses, type ConfigValues, choice, flag, integer, text } from './load.ts';

/** Three missed heartbeats end a session: a member that misses only one or two keeps its partitions. */
const HEARTBEATS_PER_SESSION = 3;

export const COMMON_ROWS = {
  brokers: addresses({ env: 'MILLRACE_BROKERS', sentence: 'Kafka brokers to start from; the others are found.' }),
  prefix: text({
    env: 'MILLRACE_PREFIX',
    unit: 'topic prefix',
    pattern: /^[A-Za-z0-9._-]{0,64}$/,
    fallback: '',
    sentence: 'Stands before every topic, group and transactional id; two houses on one cluster need two prefixes.',
  }),
  clientId: text({
    env: 'MILLRACE_CLIENT_ID',
    unit: 'name',
    pattern: /^[A-Za-z0-9._-]{1,64}$/,
    fallback: 'millrace',
    sentence: 'Name of this process towards Kafka: quotas and broker logs go by it.',
  }),
  repository: text({
    env: 'MILLRACE_REPOSITORY',
    unit: 'folder',
    fallback: './models',
    sentence: 'Model repository: `<endpoint>/<version>/model.json` and the model files.',
  }),
  logLevel: choice({
    env: 'MILLRACE_LOG_LEVEL',
    choices: ['debug', 'info', 'warn', 'error'],
    fallback: 'info',
    sentence: 'Least level that is logged; at info only transitions are.',
  }),
  logFormat: choice({
    env: 'MILLRACE_LOG_FORMAT',
    choices: ['json', 'text'],
    fallback: 'json',
    sentence: 'Log lines for machines or for people.',
  }),
  readyFile: text({
    env: 'MILLRACE_READY_FILE',
    unit: 'file',
    fallback: '',
    sentence: 'This file exists while the service is ready, for health checks; empty: none.',
  }),
  tls: flag({
    env: 'MILLRACE_TLS',
    fallback: false,
    sentence: 'Talk TLS to the brokers, trusting the system’s authorities.',
  }),
  saslMechanism: choice({
    env: 'MILLRACE_SASL_MECHANISM',
    choices: ['none', 'plain', 'scram-sha-256', 'scram-sha-512'],
    fallback: 'none',
    sentence: 'How to log in to the brokers.',
  }),
  saslUsername: text({ env: 'MILLRACE_SASL_USERNAME', fallback: '', sentence: 'User of the SASL login.' }),
  saslPassword: text({
    env: 'MILLRACE_SASL_PASSWORD',
    fallback: '',
    secret: true,
    sentence: 'Password of the SASL login.',
  }),
  sessionTimeoutMs: integer({
    env: 'MILLRACE_SESSION_TIMEOUT_MS',
    unit: 'ms',
    fallback: 10_000,
    min: 1_000,
    max: 300_000,
    sentence: 'After this long without a heartbeat a process’s partitions go to others.',
  }),
  heartbeatIntervalMs: integer({
    env: 'MILLRACE_HEARTBEAT_INTERVAL_MS',
    unit: 'ms',
    fallback: 500,
    min: 100,
    max: 100_000,
    sentence: 'Time between heartbeats; also how soon a rebalance is noticed.',
  }),
  transactionTimeoutMs: integer({
    env: 'MILLRACE_TRANSACTION_TIMEOUT_MS',
    unit: 'ms',
    fallback: 5_000,
    min: 500,
    max: 5_000,
    sentence:
      'A transaction that is open for longer is aborted by the broker; a crash holds readers back no longer than this.',
  }),
} as const;

export type CommonValues = ConfigValues<typeof COMMON_ROWS>;

/** Rules between the common values; each names its reason. */
export const COMMON_RELATIONS: readonly ((values: CommonValues) => string | null)[] = [
  ({ transactionTimeoutMs, sessionTimeoutMs }) =>
    transactionTimeoutMs < sessionTimeoutMs
      ? null
      : `MILLRACE_TRANSACTION_TIMEOUT_MS (${transactionTimeoutMs}) must be below MILLRACE_SESSION_TIMEOUT_MS (${sessionTimeoutMs}): ` +
        'a stalled owner’s transaction is to be aborted before its partition moves',
  ({ heartbeatIntervalMs, sessionTimeoutMs }) =>
    heartbeatIntervalMs * HEARTBEATS_PER_SESSION <= sessionTimeoutMs
      ? null
      : `three times MILLRACE_HEARTBEAT_INTERVAL_MS (${heartbeatIntervalMs}) must fit MILLRACE_SESSION_TIMEOUT_MS (${sessionTimeoutMs}): ` +
        'one lost heartbeat must not cost the partitions',
  ({ saslMechanism, saslUsername, saslPassword }) =>
    saslMechanism === 'none' || (saslUsername !== '' && saslPassword !== '')
      ? null
      : `MILLRACE_SASL_MECHANISM=${saslMechanism} needs MILLRACE_SASL_USERNAME and MILLRACE_SASL_PASSWORD`,
  ({ saslMechanism, tls }) =>
    saslMechanism !== 'plain' || tls
      ? null
      : 'MILLRACE_SASL_MECHANISM=plain needs MILLRACE_TLS=true: it sends the password as it is',
];

/** The part of the settings that the Kafka bus takes (`KafkaBusOptions` less clock and notices). */
export function kafkaOptions(values: CommonValues): {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly ssl: boolean;
  readonly sasl?: { readonly mechanism: string; readonly username: string; readonly password: string };
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly transactionTimeoutMs: number;
} {
  const { brokers, clientId, tls, saslMechanism, sessionTimeoutMs, heartbeatIntervalMs, transactionTimeoutMs } = values;
  const login = { mechanism: saslMechanism, username: values.saslUsername, password: values.saslPassword };
  const plain = { brokers, clientId, ssl: tls, sessionTimeoutMs, heartbeatIntervalMs, transactionTimeoutMs };
  return saslMechanism === 'none' ? plain : { ...plain, sasl: login };
}
