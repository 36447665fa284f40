// Schedule: which fault comes when, drawn from the seed alone.
// Invariant: same seed and same kinds, same draws, however the run goes: what a draw hits is worked out from its numbers.
//            After those that come first, every kind comes once before any comes again.

import { between, type Random, seeded } from '../sim/random.ts';

const HOLD_MS = { min: 1_000, max: 8_000 } as const;
const REST_MS = { min: 500, max: 2_500 } as const;

export interface Draw<Kind extends string> {
  /** From 1. */
  readonly number: number;
  readonly kind: Kind;
  /** Which of those that may be hit, 0 inclusive to 1 exclusive. */
  readonly target: number;
  /** A second choice of the same form, for kinds that need one. */
  readonly detail: number;
  /** How long it lasts at least, where a kind lasts. */
  readonly holdMs: number;
  /** From its recovery to the next fault. */
  readonly restMs: number;
}

/** @param first kinds that come first, in this order */
export function* schedule<Kind extends string>(
  seed: number,
  kinds: readonly Kind[],
  first: readonly Kind[] = [],
): Generator<Draw<Kind>> {
  const random = seeded(seed);
  for (let number = 1; ; ) {
    for (const kind of number <= first.length ? first : shuffled(kinds, random)) {
      yield {
        ...{ number, kind, target: random(), detail: random() },
        holdMs: between(random, HOLD_MS.min, HOLD_MS.max),
        restMs: between(random, REST_MS.min, REST_MS.max),
      };
      number += 1;
    }
  }
}

/** The one of `choices` that a number of 0 to 1 means; null when there is none. */
export function chosen<T>(choices: readonly T[], target: number): T | null {
  return choices[Math.floor(target * choices.length)] ?? null;
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
