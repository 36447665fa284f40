// Target: one family of decoders as the fuzzer sees it: sound inputs to start from, and what must survive all others.
// Invariant: a target is a function of the bytes alone, so a finding is told whole by its target's name and its bytes.

import { MillraceError } from '../../shared/domain/errors.ts';

export interface Target {
  readonly name: string;
  /** Sound inputs; the first byte of each chooses the decoder (`chosen`). */
  readonly seeds: () => readonly Uint8Array[];
  /** Pieces of the format that chance alone would rarely write. */
  readonly tokens: readonly string[];
  /** Large inputs that are made to cost time or memory, of at most `bytes` bytes. */
  readonly bombs: readonly ((bytes: number) => Uint8Array)[];
  /** Puts right, in place, what would hide everything behind it: a checksum. */
  readonly mend?: (bytes: Buffer) => void;
  /** Ends, or throws a MillraceError that is no bug. */
  readonly decode: (bytes: Buffer) => void | Promise<void>;
}

/** Largest input that is made: what the widest topics take, and a margin to be refused in. */
export const INPUT_BYTES_MAX = 1_200_000;

/** Runs the decoder that the first byte names on the rest. */
export function chosen<T>(decoders: readonly ((bytes: Buffer) => T)[]): (bytes: Buffer) => T {
  return (bytes) => {
    const decode = decoders[(bytes[0] ?? 0) % decoders.length];
    if (decode === undefined) throw new RangeError('a target has decoders');
    return decode(bytes.subarray(1));
  };
}

/** The sound input of decoder `index`. */
export function seedOf(index: number, bytes: Uint8Array | string): Uint8Array {
  return Buffer.concat([Buffer.of(index), Buffer.from(bytes)]);
}

/** The same text again and again between a head and a tail, `bytes` long at most, for decoder `index`. */
export function repeated(index: number, head: string, piece: (at: number) => string, tail = '') {
  return (bytes: number): Uint8Array => {
    const parts = [head];
    let left = bytes - 1 - Buffer.byteLength(head) - Buffer.byteLength(tail);
    for (let at = 0; ; at++) {
      const part = piece(at);
      left -= Buffer.byteLength(part);
      if (left < 0) break;
      parts.push(part);
    }
    return seedOf(index, `${parts.join('')}${tail}`);
  };
}

/** What is wrong with the way in which a decoder ended, or null. */
export function problemOf(error: unknown): string | null {
  if (error instanceof MillraceError && error.kind !== 'bug') return null;
  if (error instanceof Error) return `${error.name}: ${error.message}`;
  return `threw ${String(error)}`;
}
