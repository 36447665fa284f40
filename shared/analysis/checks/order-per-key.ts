// OrderPerKey: predictions of one key leave a lane in request order, rescues aside.
// Promise 3. Flow: predictions of one partition, in order → [observe].
// Invariant: bounded: remembers the newest `KEYS_MAX` keys; one that was forgotten is a new one.

import { HEADER, headerText } from '../../domain/headers.ts';
import type { InRecord, Source } from '../../domain/record.ts';
import { fingerprint } from '../fingerprint.ts';
import { type Violation, violation } from '../violation.ts';

const KEYS_MAX = 262_144;

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
    const name = `${lane}/${fingerprint(record.key)}`;
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
