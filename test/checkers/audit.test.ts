// The audit itself: whatever order topics are read in, the same is found; memory follows the work under way.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Finished } from '../../shared/analysis/finished.ts';
import { found, History, routedTo } from '../support/history.ts';

function mixed(): History {
  const history = new History();
  for (let offset = 0; offset < 12; offset++) {
    const lane = history.routed(offset);
    if (offset % 5 === 0) history.refused(lane);
    else if (offset % 5 !== 1) history.answered(lane);
  }
  history.answered(history.rescued(routedTo(history, 'green', 20)));
  const twice = history.routed(90);
  history.answered(twice);
  history.answered(twice);
  return history;
}

describe('an audit', () => {
  it('finds the same however the topics are interleaved', () => {
    const history = mixed();
    const expected = history.audit();
    expect(expected.counts).toMatchObject({ lost: 3, duplicated: 1 });
    fc.assert(
      fc.property(fc.shuffledSubarray(history.records, { minLength: history.records.length }), (order) => {
        // Within a topic the order stays.
        const queues = new Map(order.map(([kind]) => [kind, history.records.filter(([known]) => known === kind)]));
        const totals = history.audit(order.flatMap(([kind]) => queues.get(kind)?.splice(0, 1) ?? []));
        expect(found(totals)).toEqual(found(expected));
        expect(totals).toMatchObject({ requests: 14, answered: expected.answered, deadLettered: 3 });
      }),
      { numRuns: 50 },
    );
  });

  it('leaves out what lies outside its range', () => {
    const history = mixed();
    history.scope = { from: 20, to: 80 };
    expect(found(history.audit())).toEqual({});
    expect(history.audit().requests).toBe(1);
  });

  it('gives up when too little of the range is whole, and says what to do', () => {
    const history = new History();
    for (let offset = 0; offset < 10; offset++) history.request(offset);
    history.scope = { openMax: 5 };
    expect(() => history.audit()).toThrow(expect.objectContaining({ code: 'AUDIT_TOO_WIDE' }));
  });
});

describe('finished offsets', () => {
  it('are those that were added, across pages', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 200_000 }), { maxLength: 50 }), (offsets) => {
        const finished = new Finished();
        for (const offset of offsets) finished.add(offset);
        for (const offset of offsets) {
          expect(finished.has(offset)).toBe(true);
          expect(finished.has(offset + 1)).toBe(offsets.includes(offset + 1));
        }
      }),
      { numRuns: 30 },
    );
  });

  it('stay known when their page is full', () => {
    const finished = new Finished();
    for (let offset = 0; offset < 70_000; offset++) finished.add(offset);
    expect([finished.has(0), finished.has(65_535), finished.has(69_999), finished.has(70_000)]).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });
});
