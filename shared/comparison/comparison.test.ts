// Goal: what a commit costs grows with what it adds, not with the totals times the windows it adds to.

import { expect, it, vi } from 'vitest';
import { Comparison } from './comparison.ts';
import type { Field } from './outcome.ts';

const WINDOWS = 50;
const fields: Field[] = [{ name: 'y', kind: 'number', size: 1, atol: 0, rtol: 0 }];
const topics = { requests: 'r', predictions: 'p', shadow: 's' };

function comparison(): Comparison {
  return new Comparison({ partition: 0, fields, paired: false, window: 10, labelWindow: 10, windowMs: 1_000, topics });
}

function addAnswers(to: Comparison, answers: readonly { version: number; second: number }[]): void {
  for (const { version, second } of answers) {
    const outcome = { version, error: null, scoringUs: second, rows: 1, values: [Float64Array.of(1.02 ** second)] };
    to.addLive(second, { outcome, offset: second, timestampMs: 1_000 * second }, null);
  }
}

it('writes its totals out once for each pair of versions, however many windows it adds to', () => {
  const many = comparison();
  addAnswers(
    many,
    Array.from({ length: WINDOWS }, (_, second) => ({ version: 1 + (second % 2), second })),
  );
  const stringify = vi.spyOn(JSON, 'stringify');
  const { windows } = many.take();
  const texts = stringify.mock.calls.filter(([value]) => typeof value === 'object').length;
  stringify.mockRestore();
  expect(windows).toHaveLength(WINDOWS);
  expect(texts).toBe(WINDOWS + 2);
});

it('counts the same in one commit as in many, the versions that were counted last at the end', () => {
  const answers = [1, 2, 3, 1, 1, 2].map((version, second) => ({ version, second }));
  const [once, often] = [comparison(), comparison()];
  addAnswers(once, answers);
  once.take();
  for (const answer of answers) {
    addAnswers(often, [answer]);
    often.take();
  }
  expect(once.saved()).toEqual(often.saved());
  expect(Object.keys(once.saved().states)).toEqual(['3~', '1~', '2~']);
});
