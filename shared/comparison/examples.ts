// Examples: the pairs that people are shown: the worst ones, and a sample that nobody chose.
// Flow: pairs → [wants, add] → items → E.comparisons, E.totals; sets of partitions → one set → report.
// Invariant: the set is a function of what was offered, whatever the order and however it was divided: adding the items of
//            other sets merges them. A source names its item; of two with one source the larger disagreement stays.

import { murmur3 } from '../domain/bucket.ts';

export interface Exemplary {
  readonly source: string;
  /** 0 none … 1 total. */
  readonly disagreement: number;
}

export type Why = 'worst' | 'sample';

/** Items of each kind that are kept. */
export const EXAMPLES_MAX = 20;
/** Any fixed number: sampling must not depend on anything but the source. */
const SAMPLE_SEED = 0x5a3b;

interface Sampled<Item> {
  readonly item: Item;
  readonly hash: number;
}

const encoder = new TextEncoder();
const scratch = new Uint8Array(32);

export class Examples<Item extends Exemplary> {
  /** Ascending: the worst, respectively the smallest hash, first. */
  readonly #worst: Item[] = [];
  readonly #sample: Sampled<Item>[] = [];

  constructor(items: readonly Item[] = []) {
    for (const item of items) this.add(item);
  }

  /** Why an item would be kept, null if it would not: to be asked before it is put together. */
  wants({ source, disagreement }: Exemplary): Why | null {
    if (disagreement > 0 && isWanted(this.#worst, { source, disagreement }, isWorse, (item) => item)) return 'worst';
    const sampled = { item: { source, disagreement }, hash: hashOf(source) };
    return isWanted(this.#sample, sampled, isEarlier, ({ item }) => item) ? 'sample' : null;
  }

  add(item: Item): void {
    const sampled = { item, hash: hashOf(item.source) };
    if (item.disagreement > 0) insert(this.#worst, item, isWorse, (one) => one);
    insert(this.#sample, sampled, isEarlier, (one) => one.item);
  }

  /** The worst, then what else is in the sample, by hash. An item that agrees is never among the worst. */
  items(): (Item & { readonly why: Why })[] {
    const isWorst = new Set(this.#worst.map(({ source }) => source));
    const sample = this.#sample.map(({ item }) => item).filter(({ source }) => !isWorst.has(source));
    return [
      ...this.#worst.map((item) => ({ ...item, why: 'worst' as const })),
      ...sample.map((item) => ({ ...item, why: 'sample' as const })),
    ];
  }
}

/** Sources are short ASCII, and every pair is asked for: an encoder would cost more than all the rest. */
function hashOf(source: string): number {
  if (source.length > scratch.length) return murmur3(encoder.encode(source), SAMPLE_SEED);
  for (let at = 0; at < source.length; at++) {
    const code = source.charCodeAt(at);
    if (code >= 0x80) return murmur3(encoder.encode(source), SAMPLE_SEED);
    scratch[at] = code;
  }
  return murmur3(scratch, SAMPLE_SEED, source.length);
}

function isWorse(a: Exemplary, b: Exemplary): boolean {
  return a.disagreement === b.disagreement ? a.source < b.source : a.disagreement > b.disagreement;
}

function isEarlier(a: Sampled<Exemplary>, b: Sampled<Exemplary>): boolean {
  return a.hash === b.hash ? isBefore(a.item, b.item) : a.hash < b.hash;
}

function isBefore(a: Exemplary, b: Exemplary): boolean {
  return a.source === b.source ? a.disagreement > b.disagreement : a.source < b.source;
}

function isWanted<Entry>(
  kept: readonly Entry[],
  entry: Entry,
  isFirst: (a: Entry, b: Entry) => boolean,
  itemOf: (entry: Entry) => Exemplary,
): boolean {
  const last = kept[EXAMPLES_MAX - 1];
  if (last !== undefined && !isFirst(entry, last)) return false;
  const same = kept.find((one) => itemOf(one).source === itemOf(entry).source);
  return same === undefined || itemOf(entry).disagreement > itemOf(same).disagreement;
}

function insert<Entry>(
  kept: Entry[],
  entry: Entry,
  isFirst: (a: Entry, b: Entry) => boolean,
  itemOf: (entry: Entry) => Exemplary,
): void {
  if (!isWanted(kept, entry, isFirst, itemOf)) return;
  const same = kept.findIndex((one) => itemOf(one).source === itemOf(entry).source);
  if (same !== -1) kept.splice(same, 1);
  const at = kept.findIndex((one) => isFirst(entry, one));
  kept.splice(at === -1 ? kept.length : at, 0, entry);
  if (kept.length > EXAMPLES_MAX) kept.pop();
}
