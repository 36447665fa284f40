// Goal: CI means the same to whoever asks.

import { expect, test } from 'vitest';
import { isCi } from './ci.ts';

test.each([
  [undefined, false],
  ['', false],
  ['false', false],
  ['0', false],
  ['true', true],
  ['1', true],
  ['yes', true],
])('CI=%s is %s', (value, expected) => {
  expect(isCi({ CI: value })).toBe(expected);
});
