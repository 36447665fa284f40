// Goal: what is said of the broker and of a model's process reaches the log, each thing once.

import { expect, test } from 'vitest';
import type { Log } from '../telemetry/logger.ts';
import { logModelNotices, logNotices } from './notices.ts';

function recorded(): { readonly log: Log; readonly lines: unknown[] } {
  const lines: unknown[] = [];
  return { lines, log: (event, fields) => lines.push([event, fields]) };
}

test('a defect of the broker, an outage and its end are events', () => {
  const { log, lines } = recorded();
  logNotices(log)({ type: 'defect', detail: 'skips markers' });
  logNotices(log)({ type: 'outage', detail: 'refused' });
  logNotices(log)({ type: 'recovered', downMs: 7 });
  expect(lines).toEqual([
    ['broker-defective', { detail: 'skips markers' }],
    ['broker-lost', { detail: 'refused' }],
    ['broker-recovered', { outageMs: 7 }],
  ]);
});

test("a process's last words are an event; that it is READY is one already", () => {
  const { log, lines } = recorded();
  const died = { endpoint: 'e', version: 2, what: 'died', detail: 'signal SIGSEGV; last words' };
  logModelNotices(log)(died);
  logModelNotices(log)({ ...died, what: 'ready' });
  expect(lines).toEqual([['model-notice', died]]);
});
