// No answer rests on a record that was never committed: an aborted lane record is in no committed reading of its topic.

import { expect, it } from 'vitest';
import { found, History, routedTo } from '../support/history.ts';

it('an answer needs the committed lane record that it rests on', () => {
  const history = new History();
  const aborted = routedTo(history, 'green');
  history.remove(aborted);
  history.answered(aborted);
  expect(history.audit().counts['aborted-read']).toBe(1);
});

it('a rescue needs the committed lane record of the version that it rescues from', () => {
  const history = new History();
  const aborted = routedTo(history, 'green');
  const rescue = history.rescued(aborted);
  history.remove(aborted);
  history.answered(rescue);
  expect(history.audit().counts['aborted-read']).toBe(1);
});

it('nothing is found where each hop is on record', () => {
  const history = new History();
  history.answered(history.rescued(routedTo(history, 'green')));
  expect(found(history.audit())).toEqual({});
});
