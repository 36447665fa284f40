// Header names: the few names that records carry, decoded once and then recognised by their bytes.
// Flow: record reader, for every header of every record.
// Invariant: gives what UTF-8 decoding gives; bounded, so that names made by a client cannot fill the memory.

const NAMES_MAX = 1_024;
const NAME_BYTES_MAX = 64;

interface KnownName {
  readonly name: string;
  readonly bytes: Buffer;
}

const known = new Map<number, KnownName>();

/** The header name in `data[start, end)`. */
export function headerName(data: Buffer, start: number, end: number): string {
  if (end - start > NAME_BYTES_MAX) return data.toString('utf8', start, end);
  let hash = end - start;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (data[i] as number)) | 0;
  const hit = known.get(hash);
  if (hit !== undefined && same(hit.bytes, data, start, end)) return hit.name;
  const name = data.toString('utf8', start, end);
  if (hit === undefined && known.size < NAMES_MAX) {
    known.set(hash, { name, bytes: Buffer.from(data.subarray(start, end)) });
  }
  return name;
}

function same(bytes: Buffer, data: Buffer, start: number, end: number): boolean {
  if (bytes.length !== end - start) return false;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== data[start + i]) return false;
  return true;
}
