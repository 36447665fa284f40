// Goal: the lag of a group is what it has still to read, however little it has committed and whenever the two are asked for.

import { expect, it } from 'vitest';
import { lagOf } from './lag.ts';

const PARTITION = { partition: 0, earliest: 0, end: 100 };

/** Lag of a group that has committed these offsets, by partition. */
function lag(committed: readonly number[], ...partitions: readonly (typeof PARTITION)[]): Promise<number> {
  return lagOf({ committed: async () => committed, offsets: async () => partitions }, 'group', 'topic');
}

it('is what lies between the commits and the ends, over all partitions', async () => {
  expect(await lag([90, 20], PARTITION, { partition: 1, earliest: 0, end: 25 })).toBe(15);
});

it('is all that is kept where nothing was committed', async () => {
  expect(await lag([-1], { ...PARTITION, earliest: 40 })).toBe(60);
  expect(await lag([], PARTITION)).toBe(100);
});

it('leaves out what was deleted before the group came to it', async () => {
  expect(await lag([10], { ...PARTITION, earliest: 70 })).toBe(30);
});

it('is none in a partition whose commit is read ahead of its end, and takes nothing from the others', async () => {
  expect(await lag([103, 20], PARTITION, { partition: 1, earliest: 0, end: 25 })).toBe(5);
});

it('counts what comes in while it is looked up', async () => {
  let end = 100;
  const arrive = () => {
    end += 7;
    return [{ ...PARTITION, end }];
  };
  expect(await lagOf({ committed: async () => [end], offsets: async () => arrive() }, 'group', 'topic')).toBe(7);
});
