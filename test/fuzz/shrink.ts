// Shrink: a smaller input that fails in the same way, by leaving out pieces. Bounded: a large finding stays large.

const TRIES_MAX = 600;

/** @param fails whether an input still fails in the way that is looked for */
export async function shrink(bytes: Buffer, fails: (bytes: Buffer) => Promise<boolean>): Promise<Buffer> {
  let smallest: Buffer = Buffer.from(bytes);
  let tries = 0;
  for (let size = smallest.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < smallest.length && tries < TRIES_MAX; ) {
      const shorter = Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + size)]);
      tries += 1;
      if (await fails(shorter)) smallest = shorter;
      else at += size;
    }
  }
  return smallest;
}
