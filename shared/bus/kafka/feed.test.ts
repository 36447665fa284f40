// Goal: a feed hands out what was fetched, in order, and forgets it on a seek.

import { expect, test, vi } from 'vitest';
import type { InRecord } from '../../domain/record.ts';
import { budgetOf, CROWD_BYTES, Feed } from './feed.ts';
import { compressed, dataBatch, marker } from './internals/hand-built-batches.ts';

function fetched(...batches: Buffer[]) {
  const records = Buffer.concat(batches);
  const aborted = [{ producerId: 1, firstOffset: 2 }];
  return { topic: 't', partition: 0, code: 0, highWatermark: 9, lastStableOffset: 7, aborted, records };
}

function drained(feed: Feed, maxRecords = 100): number[] {
  const into: InRecord[] = [];
  feed.drain(budgetOf({ maxRecords, maxBytes: 1e6 }), into);
  return into.map((record) => record.offset);
}

const PLAIN = dataBatch({ offset: 0, records: ['a', 'b'] });
const ABORTED = dataBatch({ offset: 2, producerId: 1, transactional: true, records: ['c', 'd'] });

test('answers are handed out in order across several of them, and bytes are counted', () => {
  const feed = new Feed('t', 0);
  feed.seek(0);
  feed.accept(fetched(PLAIN), 'read_committed');
  expect(feed.fetchOffset).toBe(2);
  feed.accept(fetched(ABORTED, marker(4, 1, 'abort'), dataBatch({ offset: 5, records: ['e'] })), 'read_committed');
  expect(feed.queuedBytes).toBeGreaterThan(PLAIN.length);
  expect(drained(feed, 1)).toEqual([0]);
  expect(feed.nextOffset).toBe(1);
  expect(drained(feed)).toEqual([1, 5]);
  expect(feed.nextOffset).toBe(6);
  expect(feed.queuedBytes).toBe(0);
});

test('it is crowded with many bytes, or with as many records as are taken at once', () => {
  const feed = new Feed('t', 0);
  feed.seek(0);
  expect(feed.isCrowded(1)).toBe(false);
  feed.accept(fetched(PLAIN), 'read_committed');
  expect(feed.isCrowded(3)).toBe(false);
  expect(feed.isCrowded(2)).toBe(true);
  drained(feed, 1);
  expect(feed.isCrowded(2)).toBe(false);
  feed.accept(fetched(dataBatch({ offset: 2, records: ['x'.repeat(CROWD_BYTES)] })), 'read_committed');
  expect(feed.isCrowded(100)).toBe(true);
});

test('only aborted records and markers move the position without records', () => {
  const feed = new Feed('t', 0);
  feed.seek(2);
  feed.accept(fetched(ABORTED, marker(4, 1, 'abort')), 'read_committed');
  expect(drained(feed)).toEqual([]);
  expect(feed.nextOffset).toBe(5);
});

test('read_uncommitted shows aborted records, and the end is the high watermark', () => {
  const feed = new Feed('t', 0);
  feed.seek(2);
  feed.accept(fetched(ABORTED, marker(4, 1, 'abort')), 'read_uncommitted');
  expect(drained(feed)).toEqual([2, 3]);
  expect(feed.endOffset).toBe(9);
});

test('good records in front of a batch that cannot be read are handed out before it is refused', () => {
  const feed = new Feed('t', 0);
  feed.seek(0);
  const zstd = compressed(dataBatch({ offset: 2, records: ['c'] }), 4);
  feed.accept(fetched(PLAIN, zstd), 'read_committed');
  expect(drained(feed)).toEqual([0, 1]);
  expect(feed.nextOffset).toBe(2);
  expect(() => drained(feed)).toThrow(/cannot be read/);
  expect(feed.nextOffset).toBe(2);
});

test('a seek forgets what is queued, begins a new epoch and tells whoever waits', () => {
  const feed = new Feed('t', 0);
  feed.seek(0);
  feed.accept(fetched(PLAIN), 'read_committed');
  const { epoch } = feed;
  const onChange = vi.fn();
  feed.onChange = onChange;
  feed.seek(1);
  expect(feed.epoch).toBeGreaterThan(epoch);
  expect(onChange).toHaveBeenCalled();
  expect(drained(feed)).toEqual([]);
  expect({ next: feed.nextOffset, fetch: feed.fetchOffset, answered: feed.answered }).toEqual({
    next: 1,
    fetch: 1,
    answered: false,
  });
});
