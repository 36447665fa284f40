// Finished: the offsets of one partition that need no more looking at, in little memory.
// Method: one bit each in pages of 65536; a page whose offsets are all finished shrinks to a mark.
// Invariant: memory grows with the pages that are still open, not with the offsets that were seen.

const PAGE_BITS = 65_536;

export class Finished {
  readonly #pages = new Map<number, { readonly bits: Uint8Array; count: number }>();
  readonly #full = new Set<number>();

  has(offset: number): boolean {
    const page = Math.floor(offset / PAGE_BITS);
    if (this.#full.has(page)) return true;
    const bits = this.#pages.get(page)?.bits;
    const bit = offset % PAGE_BITS;
    return bits !== undefined && ((bits[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0;
  }

  add(offset: number): void {
    if (this.has(offset)) return;
    const page = Math.floor(offset / PAGE_BITS);
    const known = this.#pages.get(page) ?? { bits: new Uint8Array(PAGE_BITS / 8), count: 0 };
    this.#pages.set(page, known);
    const bit = offset % PAGE_BITS;
    known.bits[bit >>> 3] = (known.bits[bit >>> 3] ?? 0) | (1 << (bit & 7));
    known.count += 1;
    if (known.count < PAGE_BITS) return;
    this.#pages.delete(page);
    this.#full.add(page);
  }
}
