// Float32Text: the shortest decimal that reads back as the same float32 (0.1, not 0.10000000149011612).
// Flow: answers in JSON. Method: a decimal of n digits is an integer over a power of ten; while both are exact doubles,
//       their quotient is the double nearest to that decimal, and its own shortest text is that decimal again.
//       Six digits always suffice where fewer do (FLT_DIG), nine always suffice, so four steps find the shortest.

import { assert } from '../domain/errors.ts';

/** Powers of ten that a double holds exactly. */
const EXACT_POWERS = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
/** Smallest float32 with all 24 bits of precision. */
const NORMAL_MIN = 2 ** -126;
const DIGITS_ENOUGH = 6;
const DIGITS_MAX = 9;

/** Decimal text of a finite float32, valid JSON. @throws ASSERTION on NaN and infinity: no output is ever one here */
export function float32Text(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return Object.is(value, -0) ? '-0' : String(value);
  assert(Number.isFinite(value), 'an output is finite');
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  for (let digits = DIGITS_ENOUGH; digits <= DIGITS_MAX; digits++) {
    const shift = digits - 1 - exponent;
    const power = EXACT_POWERS[Math.abs(shift)];
    if (power === undefined) return slowText(value);
    const mantissa = Math.round(shift >= 0 ? value * power : value / power);
    const nearest = shift >= 0 ? mantissa / power : mantissa * power;
    if (Math.fround(nearest) === value) return String(nearest);
    // At a power of two the gap below is half as wide: the decimal on the other side may fit where the nearest does not.
    const other = nearest > value ? mantissa - 1 : mantissa + 1;
    const second = shift >= 0 ? other / power : other * power;
    if (Math.fround(second) === value) return String(second);
  }
  return slowText(value);
}

/** By text, for very small and very large numbers. */
function slowText(value: number): string {
  for (let digits = Math.abs(value) < NORMAL_MIN ? 1 : DIGITS_ENOUGH; digits <= DIGITS_MAX; digits++) {
    const [mantissa = '', exponent = ''] = value.toExponential(digits - 1).split('e');
    const whole = Number(mantissa.replace('.', ''));
    for (const candidate of [whole, whole - 1, whole + 1]) {
      const decimal = Number(`${candidate}e${Number(exponent) - digits + 1}`);
      if (Math.fround(decimal) === value) return String(decimal);
    }
  }
  assert(false, `nine digits tell every float32 apart, ${value} too`);
}
