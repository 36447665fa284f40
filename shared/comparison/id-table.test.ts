// Goal: the table is a map of strings that forgets, whatever ids come, in whatever order.
// Method: a Map as the model; ids come again, share prefixes, and fill several chunks.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdTable } from './id-table.ts';

const id = fc.oneof(
  fc.nat(6_000).map((n) => `id-${n}`),
  fc.string({ unit: 'binary', maxLength: 12 }),
);

describe('a table of ids', () => {
  it('gives what a map of strings would, and nothing of sources below the bound', () => {
    const steps = fc.array(fc.tuple(id, fc.nat(3_000), fc.option(fc.nat(2_000), { freq: 50 })), {
      minLength: 1,
      maxLength: 300,
    });
    const property = (batches: readonly (readonly (readonly [string, number, number | null])[])[]) => {
      const [table, model] = [new IdTable(), new Map<string, number>()];
      const ids = new Set<string>();
      let forgotten = 0;
      for (const [name, source, bound] of batches.flat()) {
        table.set(name, source);
        model.set(name, source);
        ids.add(name);
        if (bound === null) continue;
        table.forget(bound);
        forgotten = Math.max(forgotten, bound);
      }
      for (const name of [...ids, 'nobody']) {
        const source = model.get(name) ?? -1;
        expect(table.get(name), name).toBe(source < forgotten ? null : source);
      }
    };
    fc.assert(fc.property(fc.array(steps, { minLength: 1, maxLength: 30 }), property), { numRuns: 60 });
  });

  it('finds each of ten thousand ids of 36 characters, and forgets those of old sources', () => {
    const uuid = (n: number) => `9f1c2b7e-58d3-4a60-8e11-${n.toString(16).padStart(12, '0')}`;
    const table = new IdTable();
    for (let n = 0; n < 10_000; n++) table.set(uuid(n), n);
    table.forget(5_000);
    const found = Array.from({ length: 10_000 }, (_, n) => table.get(uuid(n)));
    expect(found).toEqual(found.map((_, n) => (n < 5_000 ? null : n)));
  });

  it('keeps ids of up to 1,024 bytes, an empty one too', () => {
    const table = new IdTable();
    for (const [n, name] of ['', 'ü'.repeat(512), 'x'.repeat(1_024), 'x'.repeat(1_025), 'ü'.repeat(513)].entries())
      table.set(name, n);
    expect(
      ['', 'ü'.repeat(512), 'x'.repeat(1_024), 'x'.repeat(1_025), 'ü'.repeat(513)].map((name) => table.get(name)),
    ).toEqual([0, 1, 2, null, null]);
  });
});
