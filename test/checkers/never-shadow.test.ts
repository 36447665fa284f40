// Promise 4: a version that is only shadowed answers nobody, and a shadow's record is no answer.

import { expect, it } from 'vitest';
import { HEADER } from '../../shared/domain/headers.ts';
import { History, shadowing, withHeader } from '../support/history.ts';
import { canaryOf, cutOf, modelOf } from '../support/plans.ts';

it('an answer of a shadowed version is found', () => {
  const history = new History();
  history.cuts[0] = cutOf(shadowing(canaryOf(1, 5_000), 9), 0);
  const answer = history.answered(history.routed(0));
  expect(history.audit().counts.shadow).toBe(0);
  const version = withHeader(answer, HEADER.version, '9');
  history.replace(answer, withHeader({ ...answer, ...version }, HEADER.digest, modelOf(9).digest));
  expect(history.audit().counts.shadow).toBe(1);
});

it('a version that serves as well may answer', () => {
  const history = new History();
  history.cuts[0] = cutOf(shadowing(shadowing(canaryOf(1, 5_000), 1), 2), 0);
  for (let offset = 0; offset < 8; offset++) history.answered(history.routed(offset));
  expect(history.audit().counts.shadow).toBe(0);
});

it('a record that a shadow wrote is found among the answers, whatever its version', () => {
  const history = new History();
  const answer = history.answered(history.routed(0));
  expect(history.audit().counts.shadow).toBe(0);
  history.replace(answer, withHeader(answer, HEADER.shadow, 'numbers-1'));
  expect(history.audit().counts.shadow).toBe(1);
});
