// Goal: every partition has one owner, loads differ by at most one, and what can stay stays.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AssignorMember, assign } from './assignor.ts';

const group = fc
  .record({ count: fc.integer({ min: 1, max: 8 }), partitions: fc.nat(40) })
  .chain(({ count, partitions }) =>
    fc.record({
      partitions: fc.constant(partitions),
      members: fc.tuple(...Array.from({ length: count }, (_, i) => memberOf(`m${i}`, partitions))),
    }),
  );

/** Claims overlap, repeat and leave the range, as stale members' do. */
function memberOf(id: string, partitions: number) {
  return fc.record({
    id: fc.constant(id),
    owned: fc.array(fc.integer({ min: -2, max: partitions + 3 }), { maxLength: 12 }),
    generation: fc.integer({ min: -1, max: 5 }),
  });
}

describe('whatever members claim', () => {
  test('every partition has exactly one owner and loads differ by at most one', () => {
    fc.assert(
      fc.property(group, ({ members, partitions }) => {
        const result = assign(members, partitions);
        const all = [...result.values()].flat().sort((a, b) => a - b);
        expect(all).toEqual(Array.from({ length: partitions }, (_, i) => i));
        const loads = members.map(({ id }) => result.get(id)?.length ?? -1);
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('the order of the members changes nothing', () => {
    fc.assert(
      fc.property(group, ({ members, partitions }) => {
        expect(assign([...members].reverse(), partitions)).toEqual(assign(members, partitions));
      }),
    );
  });

  test('what an assignment gave is kept by the next one when nothing else changed', () => {
    fc.assert(
      fc.property(group, ({ members, partitions }) => {
        const first = assign(members, partitions);
        expect(assign(claiming(members, first, 9), partitions)).toEqual(first);
      }),
    );
  });

  test('a join moves no more than the newcomer gets, and a leave no more than the leaver had', () => {
    fc.assert(
      fc.property(group, ({ members, partitions }) => {
        const before = assign(members, partitions);
        const settled = claiming(members, before, 9);
        const joined = assign([...settled, { id: 'new', owned: [], generation: -1 }], partitions);
        expect(moved(before, joined)).toBe(joined.get('new')?.length);
        const [leaver, ...rest] = settled;
        if (leaver === undefined || rest.length === 0) return;
        expect(moved(before, assign(rest, partitions))).toBe(before.get(leaver.id)?.length);
      }),
    );
  });
});

test('of two members that claim the same partition the one of the newer generation keeps it', () => {
  const stale = { id: 'a', owned: [0, 1], generation: 3 };
  const fresh = { id: 'b', owned: [0, 1], generation: 4 };
  expect(assign([stale, fresh], 4).get('b')).toEqual([0, 1]);
});

test('without members nobody owns anything', () => {
  expect(assign([], 4).size).toBe(0);
});

function claiming(
  members: readonly AssignorMember[],
  owned: ReadonlyMap<string, readonly number[]>,
  generation: number,
): AssignorMember[] {
  return members.map(({ id }) => ({ id, owned: owned.get(id) ?? [], generation }));
}

function moved(before: ReadonlyMap<string, readonly number[]>, after: ReadonlyMap<string, readonly number[]>): number {
  let count = 0;
  for (const [id, owned] of after) count += owned.filter((p) => !before.get(id)?.includes(p)).length;
  return count;
}
