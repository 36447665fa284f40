// OrderPerKey: predictions of one key leave a lane in request order, rescues aside.
// Promise 3. Flow: predictions of one partition, in order → [observe].
// Invariant: bounded: remembers the newest `KEYS_MAX` keys; one that was forgotten is a new one.

import { murmur3 } from '../../domain/bucket.ts';
import { HEADER, headerText } from '../../domain/headers.ts';
import type { InRecord, Source } from '../../domain/record.ts';
import { type Violation, violation } from '../violation.ts';

const KEYS_MAX = 262_144;
/** Two 32-bit hashes make one of 53 bits: among 262144 keys two are equal once in 260,000 audits. */
const SECOND_SEED = 0x9747b28c;

export class OrderPerKey {
  /** Newest source offset by lane and key. */
  readonly #newest = new Map<string, number>();
  readonly #keysMax: number;

  constructor(keysMax = KEYS_MAX) {
    this.#keysMax = keysMax;
  }

  observe(record: InRecord, source: Source): Violation[] {
    const lane = headerText(record.headers, HEADER.lane);
    const rescued = headerText(record.headers, HEADER.rescuedFrom) !== null;
    if (record.key === null || lane === null || rescued) return [];
    const hash = murmur3(record.key, 0) * 2 ** 21 + (murmur3(record.key, SECOND_SEED) & 0x1f_ffff);
    const name = `${lane}/${hash}`;
    const before = this.#newest.get(name) ?? -1;
    if (source.offset < before) {
      const detail = `lane ${lane} answered it at ${record.offset}, after ${source.partition}@${before} of the same key`;
      return [violation('order', source, detail)];
    }
    this.#newest.delete(name);
    this.#newest.set(name, source.offset);
    if (this.#newest.size > this.#keysMax) {
      const [oldest] = this.#newest.keys();
      if (oldest !== undefined) this.#newest.delete(oldest);
    }
    return [];
  }
}
