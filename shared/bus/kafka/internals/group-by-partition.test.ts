// Goal: grouping loses, doubles and reorders nothing, and takes time in proportion to its input.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { groupByPartition } from './group-by-partition.ts';

const place = fc.record({ topic: fc.constantFrom('a', 'b', 'c'), partition: fc.nat(3), n: fc.nat() });

test('every record is in the group of its place, in order', () => {
  fc.assert(
    fc.property(fc.array(place), (records) => {
      const groups = groupByPartition(records);
      const places = groups.map(({ topic, partition }) => `${topic}-${partition}`);
      expect(new Set(places).size).toBe(places.length);
      for (const { topic, partition, records: of } of groups) {
        expect(of).toEqual(records.filter((r) => r.topic === topic && r.partition === partition));
      }
      expect(groups.reduce((sum, group) => sum + group.records.length, 0)).toBe(records.length);
    }),
  );
});

test('a hundred thousand records of alternating places are grouped without copying groups', () => {
  const records = Array.from({ length: 100_000 }, (_, i) => ({ topic: 't', partition: i % 2 }));
  const groups = groupByPartition(records);
  expect(groups.map((group) => group.records.length)).toEqual([50_000, 50_000]);
});
