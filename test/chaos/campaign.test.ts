// Goal: a run of two minutes has each way to break something that the programme is for.

import { expect, it } from 'vitest';
import { ALL_KINDS, firstOf } from './campaign.ts';

const WAYS = [
  ...['kill-scorer', 'kill-controller', 'kill-model', 'kill-broker', 'pause-router', 'pause-scorer', 'pause-model'],
  ...['pause-broker', 'swallow-EndTxn', 'delay-EndTxn', 'refuse-EndTxn', 'rebalance-storm', 'cut-connections'],
  'full-disk',
];

it('every run begins with all of them, of those that were chosen', () => {
  expect([...firstOf(ALL_KINDS)].sort()).toEqual([...WAYS].sort());
  expect(firstOf(['kill-broker', 'late-EndTxn', 'kill-model'])).toEqual(['kill-model', 'kill-broker']);
});
