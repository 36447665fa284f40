// Goal: what labels by request id count does not depend on when answers and labels are read beside each other.

import { expect, it } from 'vitest';
import { Comparison } from './comparison.ts';

const OPTIONS = { partition: 0, fields: [], paired: false, window: 10, labelWindow: 10, windowMs: 1_000 };
const topics = { requests: 'requests', predictions: 'predictions', shadow: 'shadow' };

type Step = (comparison: Comparison) => void;

function answer(source: number): Step {
  const outcome = { version: 1, error: null, scoringUs: 5, rows: 1, values: [] };
  return (one) => {
    one.join.live.read(source, source);
    one.addLive(source, { outcome, offset: source, timestampMs: 0 }, `id-${source}`);
  };
}

function label(of: number | string, offset: number, requestsEnd = 1): Step {
  return (one) => {
    one.join.labels.read(offset, requestsEnd);
    one.addLabel(of, { offset, values: [offset], requestsEnd });
  };
}

function counts(...steps: readonly Step[]) {
  const comparison = new Comparison({ ...OPTIONS, topics });
  for (const step of steps) step(comparison);
  const { matched, labelled, duplicate, late } = comparison.join.counts;
  comparison.take();
  const { states } = comparison.saved();
  return { matched, labelled, duplicate, late, states };
}

it('two labels of one id are one label and a duplicate, before the answer and after it', () => {
  const labels = [label('id-3', 0), label('id-3', 1)];
  const before = counts(...labels, answer(3));
  expect(before).toMatchObject({ matched: 1, labelled: 1, duplicate: 1 });
  expect(counts(answer(3), ...labels)).toEqual(before);
});

it('of a label by id and one by source the first on the topic counts', () => {
  const labels = [label('id-3', 0), label(3, 1)];
  expect(counts(...labels, answer(3))).toEqual(counts(answer(3), ...labels));
});

it('a late label by id is nobody’s, whether its id is still known or not', () => {
  const late = label('id-3', 0, 100);
  expect(counts(answer(3), late)).toMatchObject({ labelled: 0, late: 0 });
  expect(counts(late, answer(3))).toMatchObject({ labelled: 0, late: 0 });
  expect(counts(answer(3), label(3, 0, 100))).toMatchObject({ labelled: 0, late: 1 });
});
