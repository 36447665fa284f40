// Inbox: what the leader's followers bring in, in order, while it waits for commands.
// Flow: followers, worker table, drain watch → inbox → the leader's loop.
// Invariant: bounded: records wait for room at their follower; worker and drain notes are kept once per endpoint.

import type { ConsumedTopic } from '../../shared/domain/event.ts';
import type { InRecord } from '../../shared/domain/record.ts';
import type { Lane } from '../../shared/domain/route-plan.ts';

/** Control records that wait; a follower with more stops reading. */
const RECORDS_MAX = 256;

export type Item =
  | { readonly type: 'record'; readonly topic: ConsumedTopic; readonly record: InRecord }
  | { readonly type: 'workers'; readonly endpoint: string }
  | { readonly type: 'lane-drained'; readonly endpoint: string; readonly lane: Lane; readonly revision: number };

export class Inbox {
  readonly #records: Item[] = [];
  readonly #notes = new Map<string, Item>();
  #arrival = new AbortController();
  #room: (() => void)[] = [];
  #ended = false;

  /** Aborts when something is there to take. */
  get arrival(): AbortSignal {
    return this.#arrival.signal;
  }

  /** Adds a control record; waits while the inbox is full. */
  async record(topic: ConsumedTopic, record: InRecord): Promise<void> {
    while (this.#records.length >= RECORDS_MAX && !this.#ended) {
      await new Promise<void>((resolve) => this.#room.push(resolve));
    }
    this.#records.push({ type: 'record', topic, record });
    this.#arrival.abort();
  }

  /** Nobody will take any more: lets the followers that wait for room go. */
  end(): void {
    this.#ended = true;
    this.#makeRoom();
  }

  /** Adds a note, or replaces the one about the same thing. */
  note(note: Exclude<Item, { type: 'record' }>): void {
    this.#notes.set(`${note.type} ${note.endpoint}`, note);
    this.#arrival.abort();
  }

  /** Ends the leader's wait without an item. */
  wake(): void {
    this.#arrival.abort();
  }

  /** The next item: notes first, since they are few and a candidate waits for them; null when there is none. */
  take(): Item | null {
    const [first] = this.#notes;
    if (first !== undefined) {
      this.#notes.delete(first[0]);
      this.#settle();
      return first[1];
    }
    const item = this.#records.shift() ?? null;
    this.#makeRoom();
    this.#settle();
    return item;
  }

  #makeRoom(): void {
    for (const resolve of this.#room.splice(0)) resolve();
  }

  /** An empty inbox needs a fresh signal to wait on. */
  #settle(): void {
    const empty = this.#notes.size === 0 && this.#records.length === 0;
    if (empty && this.#arrival.signal.aborted) this.#arrival = new AbortController();
  }
}
