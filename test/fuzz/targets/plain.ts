// Plain: bombs for targets of one decoder, whose inputs do not begin with a choice.

import { repeated } from '../target.ts';

type Bomb = (bytes: number) => Uint8Array;

export const withoutChoice = (bombs: readonly Bomb[]): Bomb[] =>
  bombs.map((bomb) => (bytes: number) => bomb(bytes + 1).subarray(1));

export const plainRepeated = (head: string, piece: (at: number) => string, tail = ''): Bomb =>
  withoutChoice([repeated(0, head, piece, tail)])[0] ?? (() => Buffer.alloc(0));
