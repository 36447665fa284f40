// Goal: partitions are shared evenly and move no more than they must.
// Method: random joins and leaves; what has moved is counted.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assignSticky } from './assignment.ts';

const change = fc.record({ join: fc.boolean(), pick: fc.nat(100) });

test('every partition has one owner, loads differ by at most one, and no partition moves without need', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.array(change, { maxLength: 20 }), (partitions, changes) => {
      let owners: (string | null)[] = Array.from({ length: partitions }, () => null);
      let members: string[] = [];
      for (const [index, { join, pick }] of changes.entries()) {
        const gone = join || members.length === 0 ? null : (members[pick % members.length] ?? null);
        members = gone === null ? [...members, `m${index}`] : members.filter((member) => member !== gone);
        const before = owners;
        owners = assignSticky(members, before);
        const loads = members.map((member) => owners.filter((owner) => owner === member).length);
        if (members.length === 0) expect(owners.every((owner) => owner === null)).toBe(true);
        else expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
        expect(loads.reduce((sum, load) => sum + load, 0)).toBe(members.length === 0 ? 0 : partitions);
        const moved = owners.filter((owner, p) => before[p] !== null && before[p] !== gone && owner !== before[p]);
        // A leave moves nobody else's partitions; a join moves only to the one who joined.
        if (gone !== null) expect(moved.filter((owner) => owner !== null)).toEqual([]);
        else expect(moved.every((owner) => owner === `m${index}`)).toBe(true);
      }
    }),
  );
});
