// Float32Text: the shortest decimal that reads back as the same float32 (0.1, not 0.10000000149011612).
// Flow: answers in JSON. Method: try decimals of six digits, then seven, eight, nine, next to the value, and print the
//       double nearest to the first that rounds to the value: its own shortest text is that decimal again.
//       Six digits are right wherever fewer would do (FLT_DIG), nine always do; subnormals have less precision than that.

import { assert } from '../domain/errors.ts';

/** Powers of ten that a double holds exactly. */
const EXACT_POWERS = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
const EXACT_EXPONENT_MAX = EXACT_POWERS.length - 1;
/** Smallest float32 with all 24 bits of precision. */
const NORMAL_MIN = 2 ** -126;
const DIGITS_ENOUGH = 6;
const DIGITS_MAX = 9;

/** Decimal text of a finite float32, valid JSON. @throws ASSERTION on NaN and infinity: no output is ever one here */
export function float32Text(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return Object.is(value, -0) ? '-0' : String(value);
  assert(Number.isFinite(value), 'an output is finite');
  const size = Math.abs(value);
  const exponent = Math.floor(Math.log10(size));
  for (let digits = size < NORMAL_MIN ? 1 : DIGITS_ENOUGH; digits <= DIGITS_MAX; digits++) {
    const shift = digits - 1 - exponent;
    const mantissa = Math.round(scaled(value, shift));
    const nearest = decimal(mantissa, shift);
    if (Math.fround(nearest) === value) return String(nearest);
    // At a power of two the gap below is half as wide: the decimal on the other side may fit where the nearest does not.
    const second = decimal(nearest > value ? mantissa - 1 : mantissa + 1, shift);
    if (Math.fround(second) === value) return String(second);
  }
  assert(false, `nine digits tell every float32 apart, ${value} too`);
}

/** About value × 10^shift; the decimal made of it is what is checked. */
function scaled(value: number, shift: number): number {
  if (shift < 0) return value / 10 ** -shift;
  const power = EXACT_POWERS[shift];
  return power === undefined ? value * 1e22 * 10 ** (shift - EXACT_EXPONENT_MAX) : value * power;
}

/** The double nearest to mantissa × 10^−shift: by one exact operation where the power is exact, else by reading text. */
function decimal(mantissa: number, shift: number): number {
  const power = EXACT_POWERS[Math.abs(shift)];
  if (power === undefined) return Number(`${mantissa}e${-shift}`);
  return shift >= 0 ? mantissa / power : mantissa * power;
}
