// LabelIds: labels that name a request id, and the sources that these ids belong to.
// Invariant: bounded: an id that is the request's place needs no memory, and of labels that nobody knows the oldest go.

import { IdTable } from './id-table.ts';

/** Labels by id that wait for their request. */
const WAITING_MAX = 10_000;

export interface IdLabel {
  readonly offset: number;
  readonly values: readonly number[];
  readonly requestsEnd: number;
}

export class LabelIds {
  readonly #sources = new IdTable();
  readonly #waiting = new Map<string, readonly IdLabel[]>();
  #held = 0;

  /** The request of `source` has this id. @returns the labels that waited for it, in their order */
  note(id: string, source: number): readonly IdLabel[] {
    this.#sources.set(id, source);
    return this.#release(id);
  }

  sourceOf(id: string): number | null {
    return this.#sources.get(id);
  }

  hold(id: string, label: IdLabel): void {
    this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), label]);
    this.#held += 1;
    const [oldest] = this.#waiting.keys();
    if (this.#held > WAITING_MAX && oldest !== undefined) this.#release(oldest);
  }

  /** Sources below `bound` take no label any more. */
  forget(bound: number): void {
    this.#sources.forget(bound);
  }

  #release(id: string): readonly IdLabel[] {
    const labels = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    this.#held -= labels.length;
    return labels;
  }
}
