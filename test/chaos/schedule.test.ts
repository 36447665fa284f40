// Goal: a seed names its faults, and every kind of fault has its turn.

import { expect, it } from 'vitest';
import { chosen, type Draw, schedule } from './schedule.ts';

const KINDS = ['kill', 'pause', 'cut', 'swallow'] as const;

function first(seed: number, count: number): Draw<string>[] {
  const draws = schedule(seed, KINDS);
  return Array.from({ length: count }, () => draws.next().value as Draw<string>);
}

it('the same seed draws the same faults, another seed others', () => {
  expect(first(7, 100)).toEqual(first(7, 100));
  expect(first(7, 100)).not.toEqual(first(8, 100));
});

it('every kind comes once before any comes again', () => {
  const kinds = first(3, 40).map(({ kind }) => kind);
  for (let round = 0; round < 10; round++) {
    expect(kinds.slice(round * 4, round * 4 + 4).sort()).toEqual([...KINDS].sort());
  }
});

it('what must come comes first, whatever the seed, and then all', () => {
  const draws = schedule(9, KINDS, ['cut', 'kill']);
  const kinds = Array.from({ length: 6 }, () => (draws.next().value as Draw<string>).kind);
  expect(kinds.slice(0, 2)).toEqual(['cut', 'kill']);
  expect(kinds.slice(2).sort()).toEqual([...KINDS].sort());
});

it('a number chooses among what is there, and nothing where there is nothing', () => {
  expect(chosen(['a', 'b'], 0)).toBe('a');
  expect(chosen(['a', 'b'], 0.999)).toBe('b');
  expect(chosen([], 0.5)).toBeNull();
});
