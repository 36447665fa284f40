// Goal: read_committed means committed; positions move past what is hidden; no bytes can crash or stall the reader.
// Method: record sets built by hand, among them the three in which the shipped kafkajs filter delivers aborted records.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MillraceError } from '../../../domain/errors.ts';
import { HEADERS_MAX, type Header, type InRecord } from '../../../domain/record.ts';
import { type AbortedTransaction, abortedFilter } from './aborted-filter.ts';
import { compressed, dataBatch, marker, sealed } from './hand-built-batches.ts';
import { encodeBatch } from './record-batch.ts';
import { endOfRecordSet, INFLATED_BATCH_BYTES_MAX, RecordReader } from './record-reader.ts';

interface Read {
  readonly values: readonly string[];
  readonly nextOffset: number;
}

function committed(batches: readonly Buffer[], aborted: readonly AbortedTransaction[], fromOffset = 0): Read {
  return readWith(
    new RecordReader({ ...SET, bytes: Buffer.concat(batches), fromOffset, filter: abortedFilter(aborted) }),
  );
}

const SET = { topic: 't', partition: 0 };

function readWith(reader: RecordReader): Read {
  const into: InRecord[] = [];
  reader.read({ records: 1_000, bytes: 1e6 }, into);
  return { values: into.map((r) => Buffer.from(r.value ?? []).toString()), nextOffset: reader.nextOffset };
}

describe('aborted records are not delivered', () => {
  test('when two aborted transactions are open already where the fetch begins', () => {
    const read = committed(
      [
        dataBatch({ offset: 99, producerId: 1, transactional: true, records: ['a'] }),
        dataBatch({ offset: 100, producerId: 2, transactional: true, records: ['b'] }),
        marker(101, 1, 'abort'),
        marker(102, 2, 'abort'),
      ],
      [
        { producerId: 1, firstOffset: 10 },
        { producerId: 2, firstOffset: 20 },
      ],
      99,
    );
    expect(read).toEqual({ values: [], nextOffset: 103 });
  });

  test('when overlapping aborts are listed in the order of their markers', () => {
    const read = committed(
      [
        dataBatch({ offset: 0, producerId: 1, transactional: true, records: ['a'] }),
        dataBatch({ offset: 1, producerId: 2, transactional: true, records: ['b'] }),
        marker(2, 2, 'abort'),
        dataBatch({ offset: 3, producerId: 1, transactional: true, records: ['c'] }),
        marker(4, 1, 'abort'),
        dataBatch({ offset: 5, producerId: 1, transactional: true, records: ['d'] }),
        marker(6, 1, 'commit'),
      ],
      [
        { producerId: 2, firstOffset: 1 },
        { producerId: 1, firstOffset: 0 },
      ],
    );
    expect(read).toEqual({ values: ['d'], nextOffset: 7 });
  });

  test('when a data record has a key of four zero bytes', () => {
    const zero = Buffer.alloc(4);
    const read = committed(
      [
        dataBatch({ offset: 0, producerId: 1, transactional: true, records: ['a', { key: zero, value: 'b' }] }),
        dataBatch({ offset: 2, producerId: 1, transactional: true, records: ['c'] }),
        marker(3, 1, 'abort'),
      ],
      [{ producerId: 1, firstOffset: 0 }],
    );
    expect(read).toEqual({ values: [], nextOffset: 4 });
  });

  test('when the abort marker lies in a later answer', () => {
    const batches = [dataBatch({ offset: 0, producerId: 1, transactional: true, records: ['a', 'b'] })];
    expect(committed(batches, [{ producerId: 1, firstOffset: 0 }])).toEqual({ values: [], nextOffset: 2 });
  });

  test('when one producer aborts twice within an answer, and its commit between is delivered', () => {
    const of = (offset: number, value: string) =>
      dataBatch({ offset, producerId: 1, transactional: true, records: [value] });
    const read = committed(
      [of(0, 'a'), marker(1, 1, 'abort'), of(2, 'b'), marker(3, 1, 'commit'), of(4, 'c'), marker(5, 1, 'abort')],
      [
        { producerId: 1, firstOffset: 0 },
        { producerId: 1, firstOffset: 4 },
      ],
    );
    expect(read).toEqual({ values: ['b'], nextOffset: 6 });
  });

  test('and a fetch that begins between the data and the marker of an abort delivers what comes after', () => {
    const read = committed(
      [marker(5, 1, 'abort'), dataBatch({ offset: 6, producerId: 1, transactional: true, records: ['a'] })],
      [{ producerId: 1, firstOffset: 2 }],
      5,
    );
    expect(read).toEqual({ values: ['a'], nextOffset: 7 });
  });
});

test('random interleavings of transactions deliver exactly the committed records', () => {
  const step = fc.record({ producer: fc.nat(3), kind: fc.constantFrom('write', 'write', 'abort', 'commit') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(30), (steps, from) => {
      const { batches, aborted, expected } = history(steps);
      const fromOffset = Math.min(from, batches.length);
      const rest = batches.slice(fromOffset);
      const visible = aborted.filter((entry) => entry.lastOffset >= fromOffset);
      const read = committed(rest, visible, fromOffset);
      expect(read.values).toEqual(expected.filter((offset) => offset >= fromOffset).map(String));
      expect(read.nextOffset).toBe(batches.length);
    }),
  );
});

/** One record or marker per offset; all transactions are ended. The value of a record is its offset. */
function history(steps: readonly { producer: number; kind: string }[]) {
  const batches: Buffer[] = [];
  const aborted: (AbortedTransaction & { lastOffset: number })[] = [];
  const expected: number[] = [];
  const open = new Map<number, number[]>();
  const end = (producerId: number, kind: string) => {
    const offsets = open.get(producerId) ?? [];
    const [firstOffset] = offsets;
    if (firstOffset === undefined) return;
    if (kind === 'commit') expected.push(...offsets);
    else aborted.push({ producerId, firstOffset, lastOffset: batches.length });
    batches.push(marker(batches.length, producerId, kind === 'commit' ? 'commit' : 'abort'));
    open.delete(producerId);
  };
  for (const { producer, kind } of steps) {
    if (kind !== 'write') end(producer, kind);
    else {
      open.set(producer, [...(open.get(producer) ?? []), batches.length]);
      const offset = batches.length;
      batches.push(dataBatch({ offset, producerId: producer, transactional: true, records: [String(offset)] }));
    }
  }
  for (const producer of [...open.keys()]) end(producer, 'abort');
  return { batches, aborted, expected: expected.sort((a, b) => a - b) };
}

test('a partial batch at the tail is ignored, and the next fetch begins where it begins', () => {
  const whole = dataBatch({ offset: 0, records: ['a', 'b'] });
  const cut = dataBatch({ offset: 2, records: ['c'] });
  for (let kept = 0; kept < cut.length; kept++) {
    const bytes = Buffer.concat([whole, cut.subarray(0, kept)]);
    expect(endOfRecordSet(bytes)).toBe(2);
    expect(readWith(new RecordReader({ ...SET, bytes, fromOffset: 0, filter: null }))).toEqual({
      values: ['a', 'b'],
      nextOffset: 2,
    });
  }
});

test('a fetch that begins inside a batch skips what lies before, and compaction gaps move the position', () => {
  const bytes = dataBatch({ offset: 10, lastOffset: 19, records: ['a', 'b', 'c'] });
  expect(readWith(new RecordReader({ ...SET, bytes, fromOffset: 11, filter: null }))).toEqual({
    values: ['b', 'c'],
    nextOffset: 20,
  });
});

test('a take stops at its record limit and at its byte limit, but never before one record', () => {
  const bytes = dataBatch({ offset: 0, records: ['aaaa', 'bb', 'cc'] });
  const reader = new RecordReader({ ...SET, bytes, fromOffset: 0, filter: null });
  const first: InRecord[] = [];
  expect(reader.read({ records: 10, bytes: 1 }, first)).toBe(false);
  expect(first.map((r) => r.offset)).toEqual([0]);
  const second: InRecord[] = [];
  expect(reader.read({ records: 1, bytes: 100 }, second)).toBe(false);
  expect(second.map((r) => r.offset)).toEqual([1]);
  expect(reader.nextOffset).toBe(2);
});

test('gzip is read, other codecs are refused by name, and a bomb is not inflated', () => {
  const plain = dataBatch({ offset: 0, records: ['a', 'b'] });
  const gzip = new RecordReader({ ...SET, bytes: compressed(plain), fromOffset: 0, filter: null });
  expect(readWith(gzip).values).toEqual(['a', 'b']);
  const zstd = new RecordReader({ ...SET, bytes: compressed(plain, 4), fromOffset: 0, filter: null });
  expect(() => readWith(zstd)).toThrow(/zstd is not supported/);
  const huge = dataBatch({
    offset: 0,
    records: [{ key: Buffer.alloc(0), value: 'x'.repeat(INFLATED_BATCH_BYTES_MAX) }],
  });
  const bomb = compressed(huge);
  expect(bomb.length).toBeLessThan(INFLATED_BATCH_BYTES_MAX / 100);
  const reader = new RecordReader({ ...SET, bytes: bomb, fromOffset: 0, filter: null });
  expect(() => readWith(reader)).toThrow(/gzip/);
});

test('a time that the broker set is the time of every record', () => {
  const bytes = dataBatch({ offset: 0, records: ['a', 'b'] });
  bytes.writeInt16BE(0x08, 21);
  bytes.writeBigInt64BE(77_000n, 35);
  sealed(bytes);
  const into: InRecord[] = [];
  new RecordReader({ ...SET, bytes, fromOffset: 0, filter: null }).read({ records: 9, bytes: 1e6 }, into);
  expect(into.map((r) => r.timestampMs)).toEqual([77_000, 77_000]);
});

test('a batch that was changed on its way is refused', () => {
  const bytes = dataBatch({ offset: 0, records: ['abc'] });
  fc.assert(
    fc.property(fc.integer({ min: 21, max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ flip, at);
      expect(() => readWith(new RecordReader({ ...SET, bytes: changed, fromOffset: 0, filter: null }))).toThrow(
        /checksum/,
      );
    }),
  );
});

test('bytes that make no sense end in BATCH_UNREADABLE or in fewer records, even under a checksum that fits', () => {
  const good = dataBatch({ offset: 0, producerId: 1, transactional: true, records: ['abc', 'def', 'ghi'] });
  const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(damage, fc.nat(good.length), (changes, length) => {
      const bytes = Buffer.from(good.subarray(0, Math.max(length, 61)));
      for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
      bytes.writeInt32BE(bytes.length - 12, 8);
      sealed(bytes);
      try {
        const filter = abortedFilter([{ producerId: 1, firstOffset: 9 }]);
        const reader = new RecordReader({ ...SET, bytes, fromOffset: 0, filter });
        const into: InRecord[] = [];
        reader.read({ records: 1_000, bytes: 1e6 }, into);
        expect(into.length).toBeLessThanOrEqual(good.length / 7);
      } catch (error) {
        expect(error).toBeInstanceOf(MillraceError);
        expect((error as MillraceError).code).toBe('BATCH_UNREADABLE');
      }
    }),
    { numRuns: 1_000 },
  );
});

describe('a record of countless headers', () => {
  const head = { timestampMs: 1, producerId: -1n, producerEpoch: 0, firstSequence: 0, transactional: false };
  const records = (...counts: readonly number[]) =>
    counts.map((count) => {
      const headers = Array.from(
        { length: count },
        (_, at): Header => (at === count - 1 ? ['last', Buffer.from('x')] : ['', EMPTY]),
      );
      return { key: null, value: null, headers };
    });
  const EMPTY = Buffer.alloc(0);

  function read(counts: readonly number[]): InRecord[] {
    const into: InRecord[] = [];
    const bytes = encodeBatch(records(...counts), head);
    const reader = new RecordReader({ ...SET, bytes, fromOffset: 0, filter: null });
    reader.read({ records: 1_000, bytes: 1_048_576 }, into);
    return into;
  }

  test('comes with its last ones, enough to be refused', () => {
    const [record] = read([500_000]);
    expect(record?.headers).toHaveLength(HEADERS_MAX + 1);
    expect(record?.headers.at(-1)).toEqual(['last', Buffer.from('x')]);
  });

  test('comes whole up to the limit', () => {
    expect(read([HEADERS_MAX, 1, 0]).map(({ headers }) => headers.length)).toEqual([HEADERS_MAX, 1, 0]);
  });

  test('uses the budget up, though its headers are empty', () => {
    expect(read(new Array(400).fill(HEADERS_MAX)).length).toBeLessThan(30);
  });
});
