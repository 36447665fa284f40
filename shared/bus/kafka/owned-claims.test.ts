// Goal: claims survive the wire, and what anyone else writes there is no claim and no crash.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeOwned, encodeOwned } from './owned-claims.ts';

test('claims read back as they were written', () => {
  fc.assert(
    fc.property(fc.integer(), fc.array(fc.nat()), (generation, owned) => {
      expect(decodeOwned(encodeOwned({ generation, owned }))).toEqual({ generation, owned });
    }),
  );
});

test('any other bytes claim nothing', () => {
  const none = { generation: -1, owned: [] };
  expect(decodeOwned(null)).toEqual(none);
  fc.assert(
    fc.property(fc.json(), (json) => {
      expect(decodeOwned(Buffer.from(json))).toEqual(none);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(decodeOwned(Buffer.from(bytes))).toEqual(none);
    }),
  );
  expect(decodeOwned(Buffer.alloc(1_000_000, '['))).toEqual(none);
  expect(decodeOwned(Buffer.from('{"generation":1,"owned":["x",2]}'))).toEqual({ generation: 1, owned: [2] });
});
