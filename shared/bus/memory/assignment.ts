// Assignment: which member of a group owns which partition.
// Invariants: every partition has one owner while there is a member; loads differ by at most one;
//             no partition moves that need not (sticky); the same input gives the same output.

/**
 * @param members in the order in which they joined
 * @param before owner of each partition until now; null where there is none
 * @returns owner of each partition, null everywhere when there are no members
 */
export function assignSticky(members: readonly string[], before: readonly (string | null)[]): (string | null)[] {
  if (members.length === 0) return before.map(() => null);
  const held = new Map<string, number[]>(members.map((member) => [member, []]));
  before.forEach((owner, partition) => {
    if (owner !== null) held.get(owner)?.push(partition);
  });
  // Those who hold most keep the larger share, so that fewest partitions move.
  const byLoad = [...members].sort((a, b) => (held.get(b)?.length ?? 0) - (held.get(a)?.length ?? 0));
  const least = Math.floor(before.length / members.length);
  const larger = before.length % members.length;
  const quota = new Map(byLoad.map((member, rank) => [member, least + (rank < larger ? 1 : 0)]));

  const after: (string | null)[] = before.map(() => null);
  for (const [member, partitions] of held) {
    const kept = partitions.slice(0, quota.get(member) ?? 0);
    for (const partition of kept) after[partition] = member;
    held.set(member, kept);
  }
  for (let partition = 0; partition < after.length; partition++) {
    if (after[partition] !== null) continue;
    const taker = members.find((member) => (held.get(member)?.length ?? 0) < (quota.get(member) ?? 0));
    if (taker === undefined) break;
    held.get(taker)?.push(partition);
    after[partition] = taker;
  }
  return after;
}
