// Float32 text: reads back as the same float32, and no shorter decimal does.
// Method: random bit patterns and the hard ones (powers of two, subnormals, extremes) against a slow search.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float32Text } from './float32-text.ts';

const fromBits = (bits: number) => new Float32Array(Uint32Array.of(bits).buffer)[0] ?? 0;

function digitsOf(text: string): number {
  const mantissa = text.replace(/e.*$/, '').replace(/[-.]/g, '');
  return mantissa.replace(/^0+/, '').replace(/0+$/, '').length;
}

/** Fewest significant digits of any decimal that reads back as `value`: tries the two next to it at every length. */
function fewestDigits(value: number): number {
  for (let digits = 1; digits < 10; digits++) {
    const [mantissa = '', exponent = ''] = value.toExponential(digits - 1).split('e');
    const whole = Number(mantissa.replace('.', ''));
    for (const near of [whole - 1, whole, whole + 1]) {
      if (Math.fround(Number(`${near}e${Number(exponent) - digits + 1}`)) === value) return digits;
    }
  }
  return 10;
}

function check(value: number): void {
  const text = float32Text(value);
  expect(Object.is(Math.fround(JSON.parse(text)), value), `${value} → ${text}`).toBe(true);
  if (value !== 0) expect(digitsOf(text), `${value} → ${text}`).toBe(fewestDigits(value));
}

describe('float32 text', () => {
  it('is short where a double would be long', () => {
    expect([0.1, 1 / 3, 16777216, 1e-45, -0].map((value) => float32Text(Math.fround(value)))).toEqual([
      '0.1',
      '0.33333334',
      '16777216',
      '1e-45',
      '-0',
    ]);
  });

  it('reads back and is shortest, for any float32', () => {
    const bits = fc.integer({ min: 0, max: 0xffffffff }).map(fromBits);
    fc.assert(
      fc.property(
        bits.filter((value) => Number.isFinite(value)),
        check,
      ),
      { numRuns: 3_000 },
    );
  });

  it('reads back and is shortest at powers of two and their neighbours', () => {
    for (let exponent = 0; exponent < 255; exponent++) {
      for (const step of [-1, 0, 1]) check(fromBits(Math.max(1, exponent * 2 ** 23 + step)));
    }
  });

  it('refuses what is no number', () => {
    expect(() => float32Text(Number.NaN)).toThrow('an output is finite');
  });
});
