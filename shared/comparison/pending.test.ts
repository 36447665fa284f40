// Goal: what waits comes back as it came, however many chunks have come and gone.
// Method: outcomes so wide that few fit a chunk; numbers of chunks are seen where they are noted.

import { expect, it, vi } from 'vitest';
import type { Field } from './outcome.ts';
import { Pending, type Placed } from './pending.ts';

const SIZE = 50_000;
const SOURCES = 300;
/** Sources that wait at a time. */
const WAITING = 5;
const fields: Field[] = [{ name: 'y', kind: 'classes', size: SIZE, atol: 0, rtol: 0 }];

function placedOf(source: number): Placed {
  const values = [new Float64Array(SIZE).fill(0.1).fill(source, source, source + 1)];
  return {
    outcome: { version: 1, error: null, scoringUs: null, rows: 1, values },
    offset: source,
    timestampMs: source,
  };
}

it('has few numbers for its chunks, of which references have room for so many', () => {
  const noted = vi.spyOn(Map.prototype, 'set');
  const pending = new Pending(fields);
  for (let source = 1; source <= SOURCES; source++) {
    pending.put(source, 'live', placedOf(source));
    if (source > WAITING) pending.remove(source - WAITING);
    for (let waiting = Math.max(1, source - WAITING + 1); waiting <= source; waiting++) {
      const placed = pending.get(waiting, 'live');
      expect([placed?.offset, placed?.outcome.values[0]?.[waiting]]).toEqual([waiting, waiting]);
    }
  }
  const ids = noted.mock.calls.flatMap(([id, of]) => (of?.data instanceof Float64Array ? [Number(id)] : []));
  noted.mockRestore();
  expect(ids.length).toBeGreaterThan(SOURCES / 4);
  expect(Math.max(...ids)).toBeLessThan(2 * WAITING);
});
