// Goal: timeouts that do not fit one another are refused when the bus is made.

import { expect, test } from 'vitest';
import { settingsOf } from './options.ts';

const GIVEN = {
  brokers: ['localhost:9092'],
  clientId: 'test',
  clock: { nowMs: () => 0, monotonicUs: () => 0, sleep: () => Promise.resolve() },
  onNotice: () => undefined,
};

test('the defaults fit', () => {
  expect(settingsOf(GIVEN)).toMatchObject({ sessionTimeoutMs: 10_000, transactionTimeoutMs: 5_000, ssl: null });
});

test('a transaction may not outlive a session, and a session holds three heartbeats', () => {
  expect(() => settingsOf({ ...GIVEN, transactionTimeoutMs: 10_000 })).toThrow(/transactionTimeoutMs/);
  expect(() => settingsOf({ ...GIVEN, heartbeatIntervalMs: 4_000 })).toThrow(/heartbeats/);
  expect(() => settingsOf({ ...GIVEN, brokers: [] })).toThrow(/address/);
});
