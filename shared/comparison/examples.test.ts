// Goal: the set of examples is a matter of what was offered, not of order, division or repetition.
// Method: random items, shaken and divided, against sorting them all.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EXAMPLES_MAX, Examples, type Exemplary } from './examples.ts';

const items = fc
  .uniqueArray(fc.nat({ max: 5_000 }), { maxLength: 120 })
  .chain((offsets) =>
    fc.tuple(
      ...offsets.map((offset) =>
        fc.constantFrom(0, 0.1, 0.25, 0.5, 1).map((disagreement) => ({ source: `0@${offset}`, disagreement })),
      ),
    ),
  );
const shaken = items.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })));

describe('examples', () => {
  it('are the same set for any order and any division of what was offered', () => {
    fc.assert(
      fc.property(shaken, fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 120 }), ([all, other], parts) => {
        const divided = [0, 1, 2].map((part) => other.filter((_, i) => parts[i % parts.length] === part));
        const merged = new Examples(divided.flatMap((part) => new Examples<Exemplary>(part).items()));
        const whole = new Examples<Exemplary>(all).items();
        expect(merged.items()).toEqual(whole);
        expect(new Examples<Exemplary>([...other, ...whole]).items()).toEqual(whole);
      }),
    );
  });

  it('are the worst of all, ties by source, and a sample that does not look at the disagreement', () => {
    fc.assert(
      fc.property(items, (all) => {
        const found = new Examples<Exemplary>(all).items();
        const worst = all
          .filter(({ disagreement }) => disagreement > 0)
          .sort((a, b) => b.disagreement - a.disagreement || (a.source < b.source ? -1 : 1))
          .slice(0, EXAMPLES_MAX)
          .map(({ source }) => source);
        expect(found.filter(({ why }) => why === 'worst').map(({ source }) => source)).toEqual(worst);
        expect(found.length).toBeGreaterThanOrEqual(Math.min(EXAMPLES_MAX, all.length));
        expect(found.length).toBeLessThanOrEqual(2 * EXAMPLES_MAX);
        const drawn = (of: readonly Exemplary[]) =>
          new Set(
            new Examples(of.map(({ source }) => ({ source, disagreement: 0 }))).items().map(({ source }) => source),
          );
        const sources = new Set(found.map(({ source }) => source));
        expect(sources).toEqual(new Set([...worst, ...drawn(all)]));
      }),
    );
  });

  it('want exactly what adding would change', () => {
    fc.assert(
      fc.property(items, (all) => {
        const examples = new Examples<Exemplary>();
        for (const item of all) {
          const before = examples.items();
          const wanted = examples.wants(item);
          examples.add(item);
          expect(examples.items().some(({ source }) => source === item.source)).toBe(wanted !== null);
          if (wanted === null) expect(examples.items()).toEqual(before);
          expect(examples.wants(item)).toBeNull();
        }
      }),
      { numRuns: 30 },
    );
  });

  it('keep the larger disagreement of two items with one source', () => {
    const [small, large] = [0.2, 0.7].map((disagreement) => ({ source: '0@1', disagreement }));
    for (const pair of [
      [small, large],
      [large, small],
    ]) {
      const found = new Examples(pair.filter((one) => one !== undefined)).items();
      expect(found).toEqual([{ ...large, why: 'worst' }]);
    }
  });
});
