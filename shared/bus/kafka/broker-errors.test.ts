// Goal: an error from the wire is sorted by Kafka's code, wherever it comes from.

import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { BrokerRefusal, brokerCode, CODE, coordinatorMoved, fenced, leaderMoved, tooLarge } from './broker-errors.ts';

const require = createRequire(import.meta.url);
const { createErrorFromCode } = require('kafkajs/src/protocol/error');
const { KafkaJSConnectionError } = require('kafkajs/src/errors');

test('codes that kafkajs knows and codes that it does not are both read', () => {
  expect(brokerCode(createErrorFromCode(CODE.CONCURRENT_TRANSACTIONS))).toBe(51);
  expect(brokerCode(createErrorFromCode(CODE.PRODUCER_FENCED))).toBe(90);
  expect(brokerCode(new BrokerRefusal(88, 'OffsetFetch'))).toBe(88);
});

test('a lost connection is no code, although Node gives it one', () => {
  expect(brokerCode(new KafkaJSConnectionError('refused', { code: 'ECONNREFUSED' }))).toBeNull();
  expect(brokerCode(new RangeError('x'))).toBeNull();
  expect(brokerCode(undefined)).toBeNull();
});

test('each code has one meaning at most', () => {
  const meanings = [leaderMoved, coordinatorMoved, fenced, tooLarge];
  for (const code of Object.values(CODE)) expect(meanings.filter((means) => means(code)).length).toBeLessThan(2);
  expect(meanings.some((means) => means(null) || means(0))).toBe(false);
});
