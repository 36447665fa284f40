// ShortestPrefix: how few of a failing seed's faults, from the first on, it was seen to fail with.

/**
 * Halves the faults of a failing seed as long as it fails. A smaller prefix may exist: failing is not monotone.
 * @param faults with how many it fails, ≥ 0
 * @returns a number with which it was seen to fail
 */
export async function shortestPrefix(faults: number, fails: (faults: number) => Promise<boolean>): Promise<number> {
  let [most, fewest] = [-1, faults];
  while (fewest - most > 1) {
    const middle = Math.floor((most + fewest) / 2);
    if (await fails(middle)) fewest = middle;
    else most = middle;
  }
  return fewest;
}
