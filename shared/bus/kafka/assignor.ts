// Assignor: which member of a group owns which partition of a topic.
// Flow: the group's leader runs it after a join; membership.ts carries what members own in their user data.
// Invariants: pure; every partition has one owner; counts differ by at most one; a member keeps what it owned as far as
//             balance allows.

export interface AssignorMember {
  readonly id: string;
  /** What the member says that it owned. */
  readonly owned: readonly number[];
  /** Generation in which it owned that; the newer of two claims wins. −1: none. */
  readonly generation: number;
}

/** @returns partitions by member id, ascending; every member has an entry */
export function assign(members: readonly AssignorMember[], partitions: number): ReadonlyMap<string, readonly number[]> {
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  if (sorted.length === 0) return new Map();
  const least = Math.floor(partitions / sorted.length);
  const claims = claimsOf(sorted, partitions);
  // Who owns most takes the larger shares, so that the fewest partitions move.
  const byClaims = [...sorted].sort((a, b) => (claims.get(b.id)?.length ?? 0) - (claims.get(a.id)?.length ?? 0));
  let larger = partitions % sorted.length;
  const quotas = new Map<string, number>();
  for (const { id } of byClaims) quotas.set(id, larger-- > 0 ? least + 1 : least);
  const kept = new Map<string, number[]>();
  const taken = new Set<number>();
  for (const { id } of sorted) {
    const keeps = (claims.get(id) ?? []).slice(0, quotas.get(id) ?? 0);
    kept.set(id, keeps);
    for (const partition of keeps) taken.add(partition);
  }
  const free = range(partitions).filter((partition) => !taken.has(partition));
  for (const { id } of sorted) {
    const keeps = kept.get(id) ?? [];
    const missing = (quotas.get(id) ?? 0) - keeps.length;
    keeps.push(...free.splice(0, missing));
    keeps.sort((a, b) => a - b);
  }
  return kept;
}

/** Valid claims by member, ascending; a partition that two members claim goes to the newer generation. */
function claimsOf(members: readonly AssignorMember[], partitions: number): ReadonlyMap<string, number[]> {
  const claimants = new Map<number, AssignorMember>();
  for (const member of members) {
    for (const partition of member.owned) {
      if (!Number.isInteger(partition) || partition < 0 || partition >= partitions) continue;
      const other = claimants.get(partition);
      if (other === undefined || member.generation > other.generation) claimants.set(partition, member);
    }
  }
  const claims = new Map<string, number[]>();
  for (const partition of range(partitions)) {
    const id = claimants.get(partition)?.id;
    if (id !== undefined) claims.set(id, [...(claims.get(id) ?? []), partition]);
  }
  return claims;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
