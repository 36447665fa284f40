// Random: the one source of chance in a simulation. Same seed, same numbers, everywhere.

import { seededRandom } from '../../demo/train/random.ts';

/** Numbers of 0 inclusive to 1 exclusive. */
export type Random = () => number;

export function seeded(seed: number): Random {
  return seededRandom(seed).next;
}

/** A whole number of `min` to `max`, both included. */
export function between(random: Random, min: number, max: number): number {
  return min + Math.floor(random() * (max - min + 1));
}

export function pick<T>(random: Random, choices: readonly T[]): T {
  const chosen = choices[Math.floor(random() * choices.length)];
  if (chosen === undefined) throw new RangeError('nothing to pick from');
  return chosen;
}
