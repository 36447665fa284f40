// The simulation itself: a seed is a history, and a planted bug that no longer fits the code is noticed.
// Thousands of seeds and every planted bug: `npm run sim`, `npm run sim -- --mutants`.

import { describe, expect, it } from 'vitest';
import { planted } from '../sim/mutate-hook.ts';
import { SimClock } from '../sim/sim-clock.ts';
import { simulate } from '../sim/simulate.ts';

describe('a seed', () => {
  it('gives the same history every time, and keeps every promise', async () => {
    const [first, again] = [await simulate(7), await simulate(7)];
    expect(again).toEqual(first);
    expect(first.problems).toEqual([]);
    expect(first.requests).toBeGreaterThan(100);
    expect(Object.values(first.faults).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(20);
  });

  it('gives another history than its neighbour', async () => {
    expect((await simulate(8)).hash).not.toBe((await simulate(7)).hash);
  });

  it('can be cut short after any number of faults', async () => {
    const { faults, problems } = await simulate(7, 5);
    expect(Object.values(faults).reduce((sum, count) => sum + count, 0)).toBe(5);
    expect(problems).toEqual([]);
  });
});

describe('a planted bug', () => {
  it('replaces its text, which must be there once', () => {
    const edit = { file: 'x.js', find: 'a + b', replace: 'a - $&' };
    expect(planted('return a + b;', edit)).toBe('return a - $&;');
    expect(() => planted('return a;', edit)).toThrow('0 times');
    expect(() => planted('a + b + a + b', edit)).toThrow('2 times');
  });
});

describe('the clock', () => {
  it('wakes sleepers in the order of their times, then of their coming', async () => {
    const clock = new SimClock();
    const woken: string[] = [];
    const sleeper = (name: string, ms: number, signal?: AbortSignal) =>
      void clock.sleep(ms, signal).then(() => woken.push(`${name}@${clock.elapsedMs}`));
    const abort = new AbortController();
    for (const [name, ms] of [
      ['c', 30],
      ['a', 10],
      ['b', 10],
      ['d', 40],
      ['e', 5],
    ] as const)
      sleeper(name, ms);
    sleeper('aborted', 99, abort.signal);
    abort.abort();
    expect(await clock.run(35)).toBe(false);
    expect(woken).toEqual(['aborted@0', 'e@5', 'a@10', 'b@10', 'c@30']);
    expect(clock.elapsedMs).toBe(35);
    expect(await clock.run(100, () => woken.includes('d@40'))).toBe(true);
  });
});
