// Side: one input of a join, the live answers or the shadow's: how far it is, and which of its sources came too late.
// Terms: high = largest source seen; closed = sources below it that are not there do not come any more.
// Invariant: whether an arrival is on time depends on this input alone, never on how it was read beside the other: so any
//            interleaving of the inputs, and a replay, count the same.

import { LATE_MAX } from '../domain/comparison.ts';

/** What is kept of an input across a restart. */
export interface SideState {
  /** Next offset of the topic that is new. */
  readonly position: number;
  /** Where to read from, so that everything that still waits is there again. */
  readonly rewind: number;
  readonly high: number;
  readonly closed: number;
  /** Sources that came too late while something still waits for them. */
  readonly late: readonly number[];
}

export const SIDE_START: SideState = { position: 0, rewind: 0, high: -1, closed: 0, late: [] };

/** Records that share one entry of the rewind queue. */
const STRETCH_RECORDS = 256;

interface Stretch {
  readonly offset: number;
  records: number;
  /** Largest source among its records. */
  source: number;
}

export class JoinSide {
  /** Next offset of the topic. */
  position: number;
  high: number;
  closed: number;
  readonly late: Set<number>;
  readonly #window: number;
  readonly #stretches: Stretch[] = [];
  /** Records before this offset were counted before the restart. */
  readonly #counted: number;

  /** @param window sources that an arrival may lie behind the largest one before it */
  constructor(window: number, state: SideState) {
    this.#window = window;
    this.position = state.rewind;
    this.high = state.high;
    this.closed = state.closed;
    this.late = new Set(state.late);
    this.#counted = state.position;
  }

  /** Whether the record at `offset` was counted before the restart, and is read again only for what it still waits for. */
  isOld(offset: number): boolean {
    return offset < this.#counted;
  }

  /** Whether everything that was counted before the restart has been read again. */
  get restored(): boolean {
    return this.position >= this.#counted;
  }

  /** Everything before `offset` was read: what lies there besides records is nothing to wait for. */
  skipTo(offset: number): void {
    this.position = Math.max(this.position, offset);
  }

  /** Notes that the record at `offset`, of `source`, was read. */
  read(offset: number, source: number): void {
    this.position = offset + 1;
    const last = this.#stretches.at(-1);
    if (last !== undefined && last.records < STRETCH_RECORDS) {
      last.records += 1;
      last.source = Math.max(last.source, source);
    } else {
      this.#stretches.push({ offset, records: 1, source });
    }
  }

  /** Moves on: what lies more than a window behind `source` is closed. */
  advance(source: number): void {
    if (source <= this.high) return;
    this.high = source;
    this.close(source - this.#window);
  }

  close(bound: number): void {
    this.closed = Math.max(this.closed, bound);
  }

  /** Remembers a source that came too late; of too many the oldest are forgotten, and could count once more after a restart. */
  isLate(source: number): void {
    this.late.add(source);
    const [oldest] = this.late;
    if (this.late.size > LATE_MAX && oldest !== undefined) this.late.delete(oldest);
  }

  /** Nothing below `bound` waits any more. */
  forget(bound: number): void {
    while ((this.#stretches[0]?.source ?? Number.POSITIVE_INFINITY) < bound) this.#stretches.shift();
    for (const source of this.late) if (source < bound) this.late.delete(source);
  }

  state(): SideState {
    const { position, high, closed, late } = this;
    const rewind = this.#stretches[0]?.offset ?? position;
    // While what was counted before a restart is read again, it stays counted.
    return { position: Math.max(position, this.#counted), rewind, high, closed, late: [...late] };
  }
}
