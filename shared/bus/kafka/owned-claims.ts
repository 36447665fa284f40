// Owned claims: what a member tells the group's leader that it owned, in its user data.
// Invariant: reading never throws; what is not ours or not whole is no claim.

export interface OwnedClaims {
  readonly generation: number;
  readonly owned: readonly number[];
}

/** 2048 partitions take 10 KB; JSON.parse takes long over a megabyte of brackets. */
const CLAIMS_BYTES_MAX = 32_768;
const NO_CLAIMS: OwnedClaims = { generation: -1, owned: [] };

export function encodeOwned(claims: OwnedClaims): Buffer {
  return Buffer.from(JSON.stringify(claims));
}

export function decodeOwned(bytes: Buffer | null): OwnedClaims {
  if (bytes === null || bytes.length > CLAIMS_BYTES_MAX) return NO_CLAIMS;
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value !== 'object' || value === null || !('generation' in value) || !('owned' in value))
      return NO_CLAIMS;
    const { generation, owned } = value;
    if (!Number.isInteger(generation) || !Array.isArray(owned)) return NO_CLAIMS;
    return { generation: Number(generation), owned: owned.filter((partition) => Number.isInteger(partition)) };
  } catch {
    return NO_CLAIMS;
  }
}
