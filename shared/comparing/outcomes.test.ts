// Goal: whatever a record of E.predictions or E.shadow says, reading it for a comparison throws nothing.
// Method: random bytes and headers, sound ones bent in one place, and every value under every content type.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codecNamed } from '../codec/registry.ts';
import { HEADER } from '../domain/headers.ts';
import type { Bytes, Header, InRecord } from '../domain/record.ts';
import { readOutcome, readShadow } from './outcomes.ts';

const RUNS = 3_000;
const run = { rollout: 'r', version: 2 };
const data = Float32Array.of(1, 2, 3);
const sound = codecNamed('json').encodeAnswer({
  ...{ id: null, endpoint: 'numbers', model: { version: 2, digest: 'd' } },
  outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 3], data }],
});

const text = (value: string): Bytes => new TextEncoder().encode(value);
const bytes = fc.uint8Array({ maxLength: 200 });
const bent = fc.tuple(fc.nat({ max: sound.length - 1 }), fc.nat({ max: 255 })).map(([at, byte]) => {
  const copy = Uint8Array.from(sound);
  copy[at] = byte;
  return copy;
});
const words = fc.constantFrom(
  '',
  '0@5',
  '1@5',
  '0@-1',
  '0@99999999999999999999',
  '2',
  'NaN',
  '1e400',
  '-1',
  'r',
  'done',
  'begun',
);
const types = fc.constantFrom('application/json', 'avro/binary', 'application/avro', 'text/html', '');
const headers = fc.array(
  fc.oneof(
    fc.tuple(fc.constantFrom(...Object.values(HEADER)), fc.oneof(words.map(text), bytes)),
    fc.tuple(fc.constant(HEADER.contentType), types.map(text)),
    fc.constantFrom<Header[]>(
      [HEADER.shadow, text('r')],
      [HEADER.version, text('2')],
      [HEADER.source, text('0@5')],
      [HEADER.shadowMark, text('done')],
    ),
  ),
  { maxLength: 10 },
);
const record: fc.Arbitrary<InRecord> = fc.record({
  topic: fc.constant('numbers.shadow'),
  partition: fc.constant(0),
  offset: fc.nat(),
  timestampMs: fc.nat(),
  key: fc.option(bytes),
  value: fc.oneof(fc.constant(null), bytes, bent, fc.constant(sound)),
  headers: headers as fc.Arbitrary<Header[]>,
});

describe('reading an outcome', () => {
  it('throws nothing', () => {
    const kinds = new Set<string>();
    fc.assert(
      fc.property(record, (given) => {
        kinds.add(readOutcome(given, { fields: [], tolerances: [] }).kind);
        kinds.add(readShadow(given, { fields: [], tolerances: [], ...run }).kind);
      }),
      { numRuns: RUNS },
    );
    expect([...kinds].sort()).toEqual(['other', 'outcome', 'unreadable']);
  });

  it('takes no answer whose output has a name that no signature can have', () => {
    const kindOf = (name: string) => {
      const outputs = [{ name, datatype: 'FP32', shape: [1, 3], data }] as const;
      const answer = { id: null, endpoint: 'numbers', model: { version: 2, digest: 'd' }, outputs };
      const value = codecNamed('json').encodeAnswer(answer);
      const place = { topic: 'numbers.predictions', partition: 0, offset: 7, timestampMs: 0, key: null };
      const named: Header[] = [
        [HEADER.source, text('0@5')],
        [HEADER.version, text('2')],
      ];
      return readOutcome({ ...place, value, headers: named }, { fields: [], tolerances: [] }).kind;
    };
    expect([kindOf('n'.repeat(128)), kindOf('n'.repeat(129))]).toEqual(['outcome', 'unreadable']);
  });
});
