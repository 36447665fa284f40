// Goal: one notice when no broker answers, one when one does again.

import { expect, test } from 'vitest';
import type { BusNotice } from '../bus.ts';
import { outageOf } from './outage.ts';

test('each transition is told once, with how long it lasted', () => {
  let nowMs = 1_000;
  const notices: BusNotice[] = [];
  const clock = { nowMs: () => nowMs, monotonicUs: () => 0, sleep: () => Promise.resolve() };
  const outage = outageOf(clock, (notice) => notices.push(notice));
  outage.reached();
  outage.failed('refused');
  nowMs += 700;
  outage.failed('refused again');
  outage.reached();
  outage.reached();
  outage.failed('once more');
  expect(notices).toEqual([
    { type: 'outage', detail: 'refused' },
    { type: 'recovered', downMs: 700 },
    { type: 'outage', detail: 'once more' },
  ]);
});
