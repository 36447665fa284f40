// Goal: brokers that break transactions are known by the APIs that they announce, and others are left in peace.

import { expect, test } from 'vitest';
import { knownDefect } from './known-defects.ts';

test('a broker with the APIs of 4.3 is told to skip markers', () => {
  expect(knownDefect({ 35: { minVersion: 1, maxVersion: 5 } })).toContain('KAFKA-20734');
});

test('older brokers, and those that do not announce the API, are not', () => {
  expect(knownDefect({ 35: { minVersion: 1, maxVersion: 4 } })).toBeNull();
  expect(knownDefect({})).toBeNull();
});
