// LabelIds: labels that name a request id, and the sources that these ids belong to.
// Invariant: bounded: an id that is the request's place needs no memory, and of labels that nobody knows the oldest go.

/** Labels by id that wait for their request. */
const WAITING_MAX = 10_000;

export interface IdLabel {
  readonly offset: number;
  readonly values: readonly number[];
  readonly requestsEnd: number;
}

export class LabelIds {
  readonly #sources = new Map<string, number>();
  readonly #waiting = new Map<string, IdLabel>();

  /** The request of `source` has this id. @returns the label that waited for it */
  note(id: string, source: number): IdLabel | null {
    this.#sources.set(id, source);
    const label = this.#waiting.get(id) ?? null;
    this.#waiting.delete(id);
    return label;
  }

  sourceOf(id: string): number | null {
    return this.#sources.get(id) ?? null;
  }

  hold(id: string, label: IdLabel): void {
    this.#waiting.set(id, label);
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > WAITING_MAX && oldest !== undefined) this.#waiting.delete(oldest);
  }

  /** Sources below `bound` take no label any more. */
  forget(bound: number): void {
    for (const [id, source] of this.#sources) if (source < bound) this.#sources.delete(id);
  }
}
