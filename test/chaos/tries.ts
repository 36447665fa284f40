// Tries: an act in quiet that is measured and held to its bounds; one that misses them is tried again.
// Choice: the best try is the house's own time, the rest is the machine's; all of them are told.

export interface Gaps {
  /** Longest time without an answer in the partitions that are hit, ms. */
  readonly gapMs: number;
  /** The longest in any other, ms. */
  readonly othersMs: number;
}

/** What an act came to: its best try. */
export interface Figure extends Gaps {
  readonly what: string;
  readonly bounds: Gaps;
  /** All of them, in order. */
  readonly tries: readonly Gaps[];
}

export const TRIES_MAX = 3;

/** Acts until a try keeps `bounds`, or [TRIES_MAX] have not. @returns null when `act` finds nothing to measure */
export async function figureOf(what: string, bounds: Gaps, act: () => Promise<Gaps | null>): Promise<Figure | null> {
  const tries: Gaps[] = [];
  while (tries.length < TRIES_MAX && tries.every((one) => excessMs(one, bounds) > 0)) {
    const one = await act();
    if (one === null) break;
    tries.push({ gapMs: one.gapMs, othersMs: one.othersMs });
  }
  const [best] = [...tries].sort((a, b) => excessMs(a, bounds) - excessMs(b, bounds));
  return best === undefined ? null : { what, ...best, bounds, tries };
}

/** In words, what even the best try did not keep. */
export function missedBounds({ what, gapMs, othersMs, bounds, tries }: Figure): string[] {
  const over = (of: string, ms: number, boundMs: number) =>
    ms > boundMs ? [`${what}: ${of} of ${ms} ms, over ${boundMs}, in the best of ${tries.length} tries`] : [];
  return [...over('a gap', gapMs, bounds.gapMs), ...over('a gap in other partitions', othersMs, bounds.othersMs)];
}

function excessMs({ gapMs, othersMs }: Gaps, bounds: Gaps): number {
  return Math.max(0, gapMs - bounds.gapMs, othersMs - bounds.othersMs);
}
