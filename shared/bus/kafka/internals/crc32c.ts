// CRC-32C (Castagnoli): the checksum of every record batch.
// Flow: the batch encoder computes it over everything behind the checksum field; tests check encoded batches with it.
// Invariant: same result as RFC 3720 B.4; eight tables, so that eight bytes cost eight look-ups and no shifts between.

const POLYNOMIAL = 0x82f63b78;
const SLICES = 8;

const TABLES = buildTables();

/**
 * Checksum of `data[start, end)`. Source: RFC 3720 appendix B.4; slicing-by-8, Kounavis and Berry 2005.
 * @returns unsigned 32-bit
 */
export function crc32c(data: Uint8Array, start: number, end: number): number {
  const t = TABLES;
  let crc = -1;
  let i = start;
  // `as number`: every index is masked to the table or bounded by `end`, so no load can miss.
  for (const last = end - SLICES; i <= last; i += SLICES) {
    const low =
      crc ^
      ((data[i] as number) |
        ((data[i + 1] as number) << 8) |
        ((data[i + 2] as number) << 16) |
        ((data[i + 3] as number) << 24));
    crc =
      (t[1792 + (low & 255)] as number) ^
      (t[1536 + ((low >>> 8) & 255)] as number) ^
      (t[1280 + ((low >>> 16) & 255)] as number) ^
      (t[1024 + (low >>> 24)] as number) ^
      (t[768 + (data[i + 4] as number)] as number) ^
      (t[512 + (data[i + 5] as number)] as number) ^
      (t[256 + (data[i + 6] as number)] as number) ^
      (t[data[i + 7] as number] as number);
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ (t[(crc ^ (data[i] as number)) & 255] as number);
  return ~crc >>> 0;
}

function buildTables(): Int32Array {
  const tables = new Int32Array(256 * SLICES);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256] as number;
    tables[i] = (before >>> 8) ^ (tables[before & 255] as number);
  }
  return tables;
}
