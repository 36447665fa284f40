// Options of the Kafka bus, their defaults, and the relations between them.

import type { Clock } from '../../domain/clock.ts';
import { assert } from '../../domain/errors.ts';
import type { BusNotice } from '../bus.ts';

export interface KafkaBusOptions {
  /** `host:port` of some brokers; the others are found. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly clock: Clock;
  readonly onNotice: (notice: BusNotice) => void;
  /** TLS: true, or Node's `tls.connect` options. Default: none. */
  readonly ssl?: boolean | object;
  /** As kafkajs takes it, e.g. `{ mechanism: 'scram-sha-512', username, password }`. Default: none. */
  readonly sasl?: object;
  /** After this long without a heartbeat the group gives a member's partitions to others. Default 10000. */
  readonly sessionTimeoutMs?: number;
  /** Default 500: also how soon a member notices a rebalance. */
  readonly heartbeatIntervalMs?: number;
  /** A transaction that is open for longer is aborted by the broker. Default 5000, below the session timeout. */
  readonly transactionTimeoutMs?: number;
  /** How often partition counts are looked up. Default 10000. */
  readonly partitionCheckIntervalMs?: number;
}

/** Every option with its value. */
export interface Settings {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly clock: Clock;
  readonly onNotice: (notice: BusNotice) => void;
  readonly ssl: unknown;
  readonly sasl: unknown;
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly transactionTimeoutMs: number;
  readonly partitionCheckIntervalMs: number;
}

/** @throws ASSERTION when the timeouts do not fit one another */
export function settingsOf(options: KafkaBusOptions): Settings {
  const settings: Settings = {
    brokers: options.brokers,
    clientId: options.clientId,
    clock: options.clock,
    onNotice: options.onNotice,
    ssl: options.ssl === true ? {} : options.ssl || null,
    sasl: options.sasl ?? null,
    sessionTimeoutMs: options.sessionTimeoutMs ?? 10_000,
    heartbeatIntervalMs: options.heartbeatIntervalMs ?? 500,
    transactionTimeoutMs: options.transactionTimeoutMs ?? 5_000,
    partitionCheckIntervalMs: options.partitionCheckIntervalMs ?? 10_000,
  };
  assert(settings.brokers.length > 0, 'a Kafka bus needs at least one broker address');
  // The second line of defence: the broker aborts a stalled owner's transaction before its partition moves.
  assert(settings.transactionTimeoutMs < settings.sessionTimeoutMs, 'transactionTimeoutMs is below sessionTimeoutMs');
  assert(settings.heartbeatIntervalMs * 3 <= settings.sessionTimeoutMs, 'three heartbeats fit a session');
  return settings;
}
