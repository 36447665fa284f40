// Goal: silences are measured as a reader of answers has them, the one that lasts included.

import { expect, it } from 'vitest';
import { Answers } from './answers.ts';

function world() {
  let nowMs = 0;
  const clock = {
    nowMs: () => nowMs,
    monotonicUs: () => 0,
    sleep: async (ms: number) => {
      nowMs += ms;
    },
  };
  const at = (ms: number) => {
    nowMs = ms;
  };
  return { answers: new Answers(2, clock), at };
}

it('a meter counts from the last answer before it to the next, and to now', () => {
  const { answers, at } = world();
  at(100);
  answers.note(0, 5);
  at(150);
  const meter = answers.meter();
  at(400);
  answers.note(0, 1);
  expect(meter.worstMs([0])).toBe(300);
  at(900);
  expect(meter.worstMs([0])).toBe(500);
  expect(meter.worstMs([1])).toBe(900);
  expect(meter.worstMs([])).toBe(0);
  meter.stop();
  at(1_000);
  answers.note(0, 1);
  expect(answers.total).toBe(7);
});

it('progress names the partitions that made none in time', async () => {
  const { answers } = world();
  const waiting = answers.progress([0, 1], { least: 2, withinMs: 1_000 });
  answers.note(1, 2);
  expect(await waiting).toEqual([0]);
});
