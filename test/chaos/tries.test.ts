// Goal: an act is judged by its best try, on both of its bounds, and no try is hidden.

import { expect, it } from 'vitest';
import { type Figure, figureOf, type Gaps, missedBounds, TRIES_MAX } from './tries.ts';

const BOUNDS = { gapMs: 2_000, othersMs: 1_000 };

/** The figure of an act that measures `gaps`, one after another. */
async function tried(...gaps: readonly (Gaps | null)[]): Promise<Figure | null> {
  const left = [...gaps];
  return figureOf('a router stops', BOUNDS, async () => left.shift() ?? null);
}

it('a try that keeps both bounds is the last', async () => {
  const good = { gapMs: 2_000, othersMs: 1_000 };
  const figure = await tried({ gapMs: 2_001, othersMs: 0 }, good, { gapMs: 1, othersMs: 1 });
  expect(figure).toMatchObject({ ...good, tries: [{ gapMs: 2_001, othersMs: 0 }, good] });
  expect(figure === null ? null : missedBounds(figure)).toEqual([]);
});

it('one that never keeps a bound fails by the best of three, whichever bound it is', async () => {
  const slow = await tried({ gapMs: 9_000, othersMs: 0 }, { gapMs: 3_000, othersMs: 0 }, { gapMs: 4_000, othersMs: 0 });
  expect(slow?.tries).toHaveLength(TRIES_MAX);
  expect(slow === null ? null : missedBounds(slow)).toEqual([
    'a router stops: a gap of 3000 ms, over 2000, in the best of 3 tries',
  ]);
  const still = { gapMs: 5, othersMs: 1_001 };
  const others = await tried(still, still, still);
  expect(others === null ? null : missedBounds(others)).toEqual([
    'a router stops: a gap in other partitions of 1001 ms, over 1000, in the best of 3 tries',
  ]);
});

it('an act that finds nothing to measure has no figure', async () => {
  expect(await tried(null)).toBeNull();
});
