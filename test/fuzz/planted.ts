// Planted: decoders with a bug each, in the ways in which a decoder can fall. The fuzzer's test shows that it finds them.

import { MillraceError } from '../../shared/domain/errors.ts';
import { threadMs } from './judge.ts';
import type { Target } from './target.ts';

const held: Buffer[] = [];

/** Bugs by name, with the words of their finding. */
export const PLANTED: readonly (readonly [name: string, words: RegExp, decode: (bytes: Buffer) => void])[] = [
  ['an error of no catalogue', /RangeError/, (bytes) => void bytes.subarray(-4).readInt32BE(0)],
  [
    'a failed assertion',
    /assertion failed: planted/,
    (bytes) => {
      if (bytes.includes('keykey')) throw new MillraceError('ASSERTION', { detail: 'planted' });
    },
  ],
  [
    'an input that takes long',
    /takes more than 50 ms/,
    (bytes) => {
      // Of CPU, as the judge counts: of 60 ms by the clock, a busy machine gives to others.
      const spentMs = () => threadMs() ?? performance.now();
      const end = spentMs() + 60;
      while (bytes.includes('keykey') && spentMs() < end);
    },
  ],
  [
    'an input that takes much',
    /allocates more than/,
    (bytes) => void (bytes.includes('keykey') ? new Uint8Array(100_000_000) : null),
  ],
  [
    'inputs that are never let go',
    /holds more than/,
    () => {
      if (held.length < 100) held.push(Buffer.alloc(1_048_576));
    },
  ],
];

export const letGo = () => held.splice(0);

/** One byte after the other, each behind a branch: chance would need all of them at once. */
export function deep(bytes: Buffer): void {
  if (bytes[0] !== 0x7f) return;
  if (bytes[1] !== 0x80) return;
  if (bytes[2] !== 0xfe) return;
  throw new TypeError('deep');
}

/** Has one branch that 2 alone reaches. */
export function branch(value: number): number {
  if (value === 2) return 1;
  return 0;
}

/** A target with a decoder of one's own. */
export const targetOf = (decode: Target['decode']): Target => ({
  ...{ name: 'planted', tokens: ['key'], bombs: [] },
  seeds: () => [Buffer.from('{"key":1}')],
  decode,
});
