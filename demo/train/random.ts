// Random: seeded numbers for training. Invariant: one seed, one sequence, on every machine.
// Source: mulberry32 (Tommy Ettinger, public domain): 32 bits of state, period 2³², good enough to mix digits.

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform in [−limit, limit). */
  around(limit: number): number;
  /** Shuffles in place (Fisher–Yates). */
  shuffle(values: Uint16Array): void;
}

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    around: (limit) => (next() * 2 - 1) * limit,
    shuffle: (values) => {
      for (let last = values.length - 1; last > 0; last--) {
        const other = Math.floor(next() * (last + 1));
        const value = values[last] ?? 0;
        values[last] = values[other] ?? 0;
        values[other] = value;
      }
    },
  };
}
