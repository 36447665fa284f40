// Goal: an error from the wire is sorted by Kafka's code, wherever it comes from.

import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import {
  asRefusal,
  BrokerRefusal,
  brokerCode,
  CODE,
  coordinatorMoved,
  denied,
  fenced,
  leaderMoved,
  tooLarge,
} from './broker-errors.ts';

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
  const meanings = [leaderMoved, coordinatorMoved, denied, fenced, tooLarge];
  for (const code of Object.values(CODE)) expect(meanings.filter((means) => means(code)).length).toBeLessThan(2);
  expect(meanings.some((means) => means(null) || means(0))).toBe(false);
});

test.each([
  [CODE.TOPIC_AUTHORIZATION_FAILED, 'topic t'],
  [CODE.GROUP_AUTHORIZATION_FAILED, 'group g'],
  [CODE.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 'transactional id x'],
  [CODE.CLUSTER_AUTHORIZATION_FAILED, 'topic t, or for IdempotentWrite on the cluster,'],
])('code %i says what an ACL is missing for: %s', (code, resource) => {
  const place = { topic: 't', group: 'g', transactionalId: 'x' };
  const error = asRefusal(createErrorFromCode(code), 'Produce', place);
  expect(error).toMatchObject({ code: 'ACCESS_DENIED', kind: 'refused', context: { of: 'Produce', resource } });
  expect(brokerCode(error)).toBe(code);
});

test('any other code is a refusal that may be tried again', () => {
  expect(new BrokerRefusal(35, 'Fetch', { topic: 't' })).toMatchObject({ code: 'BROKER_REFUSED', kind: 'retryable' });
});
