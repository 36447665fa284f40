// Goal: the checksum is CRC-32C whatever the length and place. Method: published vectors, and bit by bit as the oracle.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32c } from './crc32c.ts';

test('the vectors of RFC 3720 appendix B.4 come out', () => {
  expect(crc32c(new Uint8Array(32), 0, 32)).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(255), 0, 32)).toBe(0x62a8ab43);
  const rising = Uint8Array.from({ length: 32 }, (_, i) => i);
  expect(crc32c(rising, 0, 32)).toBe(0x46dd794e);
  const digits = Buffer.from('123456789');
  expect(crc32c(digits, 0, digits.length)).toBe(0xe3069283);
});

test('eight bytes at a time gives what one bit at a time gives', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(20), (data, start) => {
      const from = Math.min(start, data.length);
      expect(crc32c(data, from, data.length)).toBe(bitwise(data.subarray(from)));
    }),
  );
});

function bitwise(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
