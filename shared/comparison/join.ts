// Join: answers, shadow outputs and labels of one partition, by source.
// Flow: E.predictions, E.shadow, E.keyed-labels → [Join] → pairs and labelled pairs → metrics, examples.
// Terms: a live answer and a shadow output of one source match when both come on time (side.ts). What is decided is never
//        undone: a partner that comes later is late.
// Invariants: a missing partner is never agreement; duplicates and any order within the window change no count; with the
//            state of a restart, and its inputs read from their rewind offsets, everything counts as if it had never ended.

import { type JoinCounts, TICKS_MAX } from '../domain/comparison.ts';
import { assert } from '../domain/errors.ts';
import { JOIN_START, type JoinState, type Skipped, type Tick } from './join-state.ts';
import type { AnsweredPair, Compared, Field } from './outcome.ts';
import { Pending, type Placed, type Side } from './pending.ts';
import { JoinSide, SIDE_START } from './side.ts';

/** A pair, or, for a join without a shadow, one live answer. */
export interface Match {
  readonly source: number;
  readonly compared: Compared;
  readonly live: Placed;
  readonly shadow: Placed | null;
}

/** A match, as labels know it, which may come long after it. */
export interface Labelled extends AnsweredPair {
  readonly source: number;
}

export interface JoinOptions {
  readonly fields: readonly Field[];
  /** Whether there is a shadow; without one, every live answer is a match by itself. */
  readonly paired: boolean;
  /** Sources that an arrival may lie behind the largest one of its input. */
  readonly window: number;
  /** Sources that may follow before a label comes. */
  readonly labelWindow: number;
  readonly onMatch: (match: Match) => void;
  readonly onLabel: (labelled: Labelled, label: readonly number[]) => void;
}

/** How a label found its source: it names it, or its request id does; `held`: the id became known just now. */
export type LabelBy = 'source' | 'id' | 'held';

/** Sources that are looked at one by one when a bound moves; after a longer jump those that are there are looked at. */
const STEP_MAX = 65_536;
/** Passages of a shadow that are kept: a totals record holds no more. */
const SKIPPED_MAX = 1_000;
/** Sources that a bound moves before anything is looked at: every look costs something, and nobody waits for it. */
const STRIDE = 256;

export class Join {
  readonly live: JoinSide;
  readonly shadow: JoinSide;
  readonly labels: JoinSide;
  readonly #options: JoinOptions;
  readonly #pending: Pending;
  readonly #labels = new Map<number, { readonly offset: number; readonly values: readonly number[] }>();
  readonly #counts: { -readonly [Count in keyof JoinCounts]: JoinCounts[Count] };
  #begun: number | null;
  #done: number;
  #skipped: readonly Skipped[];
  #ticks: readonly Tick[];
  #decided: number;
  #removed: number;
  #unanswered = 0;
  /** What the last tick saw: what is older than that is closed by the next. */
  #ticked = { live: 0, shadow: 0 };

  constructor(options: JoinOptions, state: JoinState = JOIN_START) {
    const { window, labelWindow } = options;
    this.#options = options;
    this.#pending = new Pending(options.fields);
    this.live = new JoinSide(window, state.live);
    this.shadow = new JoinSide(window, state.shadow);
    this.labels = new JoinSide(labelWindow, { ...SIDE_START, ...state.labels });
    this.#counts = { ...state.counts };
    this.#begun = options.paired ? state.begun : 0;
    this.#done = state.done;
    this.#skipped = state.skipped;
    this.#ticks = state.ticks;
    this.#decided = state.decided;
    this.#removed = state.removed;
  }

  get counts(): JoinCounts {
    return this.#counts;
  }

  /** Sources that wait for a partner or a label. */
  get size(): number {
    return this.#pending.size;
  }

  /** First source that is compared; null until the shadow has begun. */
  get begun(): number | null {
    return this.#begun;
  }

  /** Shadow outputs whose answer may still come. */
  get unanswered(): number {
    return this.#unanswered;
  }

  /** How far the shadow is: live answers far beyond it need not be read yet. */
  get shadowed(): number {
    return Math.max(this.#done, this.shadow.high);
  }

  /** A live answer to a request that is to be compared. */
  addLive(source: number, placed: Placed): void {
    if (this.#begun === null || source < this.#begun) return;
    this.#arrive('live', source, placed);
  }

  addShadow(source: number, placed: Placed): void {
    assert(this.#options.paired, 'a join without a shadow takes no shadow output');
    this.#arrive('shadow', source, placed);
  }

  /** A record of `side` that is no answer. */
  addUnreadable(side: Side, offset: number): void {
    if (!this[side].isOld(offset)) this.#counts.unreadable += 1;
  }

  /** The shadow owns the partition from `to` on; the first time, the comparison begins there. */
  begin(to: number): void {
    this.#begun ??= to;
    this.#decided = Math.max(this.#decided, this.#begun);
    this.#removed = Math.max(this.#removed, this.#begun);
    for (const source of this.#labels.keys()) if (source < this.#removed) this.#labels.delete(source);
  }

  /** The shadow has done, or passed over, what lies before `to`. */
  progress(mark: { readonly from: number; readonly to: number; readonly skipped: boolean }): void {
    if (mark.skipped) this.#skip({ from: mark.from, to: mark.to });
    this.#done = Math.max(this.#done, mark.to);
    this.shadow.close(mark.to - this.#options.window);
    this.#sweep(STRIDE);
  }

  /**
   * The first label of a source on the topic counts, whichever was heard of first. Late labels that name an id are not counted:
   * whether the id is still known depends on when they are read.
   * @param label its `requestsEnd` is the end of the partition's requests when it came: whether it is on time depends on that
   */
  addLabel(
    source: number,
    label: { readonly offset: number; readonly values: readonly number[]; readonly requestsEnd: number },
    by: LabelBy = 'source',
  ): void {
    if (source < (this.#begun ?? 0)) return;
    const isNew = by === 'held' || !this.labels.isOld(label.offset);
    const onTime = source >= this.#removed && label.requestsEnd <= source + this.#options.labelWindow;
    if (!onTime) {
      if (isNew && by === 'source') this.#counts.late += 1;
      return;
    }
    const known = this.#labels.get(source);
    if (known !== undefined && isNew) this.#counts.duplicate += 1;
    if (known === undefined || label.offset < known.offset) this.#labels.set(source, label);
    if (known === undefined && isNew) this.#applyLabel(source, label.values);
  }

  /** Time has passed: what was there at the last tick and has no partner yet is decided. @returns whether anything was: a tick on record */
  tick(): boolean {
    const { live: liveClosed, shadow: shadowClosed } = this.#ticked;
    this.#ticked = { live: this.live.high + 1, shadow: this.#done };
    // What a window has closed is not for time to decide.
    this.#sweep();
    const closed = Math.min(Math.max(this.live.closed, liveClosed), Math.max(this.shadow.closed, shadowClosed));
    let decidesAny = false;
    this.#each(this.#decided, closed, (source) => {
      decidesAny ||= this.#pending.onlySide(source) !== null;
    });
    const offsets = { liveOffset: this.live.position, shadowOffset: this.shadow.position };
    if (decidesAny) this.decideAt({ ...offsets, liveClosed, shadowClosed });
    return decidesAny;
  }

  /** The same with a tick on record, in a replay whose inputs stand where they stood then. Of very many ticks the oldest are forgotten. */
  decideAt(tick: Tick): void {
    this.#ticks = [...this.#ticks, tick].slice(-TICKS_MAX);
    this.live.close(tick.liveClosed);
    this.shadow.close(tick.shadowClosed);
    this.#sweep();
  }

  /** Both inputs have ended: whatever has no partner has none. What the shadow never came to is not missing. */
  finish(): void {
    const bound = this.#options.paired ? Math.max(this.shadow.high + 1, this.#done) : this.live.high + 1;
    this.live.close(bound);
    this.shadow.close(bound);
    this.#sweep();
  }

  state(): JoinState {
    this.#sweep();
    const { position, rewind } = this.labels.state();
    return {
      live: this.live.state(),
      shadow: this.shadow.state(),
      labels: { position, rewind },
      begun: this.#begun,
      done: this.#done,
      skipped: this.#skipped,
      ticks: this.#ticks,
      decided: this.#decided,
      removed: this.#removed,
      counts: { ...this.#counts },
    };
  }

  #arrive(name: Side, source: number, placed: Placed): void {
    const side = this[name];
    if (side.isOld(placed.offset)) {
      const waits = source >= this.#removed && !side.late.has(source) && !this.#pending.has(source, name);
      if (waits) this.#putBack(source, name, placed);
      return;
    }
    if (source < Math.max(side.closed, this.#removed)) {
      this.#counts.late += 1;
      if (source >= this.#removed && !this.#pending.has(source, name)) side.isLate(source);
    } else if (this.#pending.has(source, name)) {
      this.#counts.duplicate += 1;
    } else {
      const match = this.#matchOf(source, name, placed);
      if (match === null) this.#put(source, name, placed);
      else this.#match(match);
    }
    side.advance(source);
    this.#sweep(STRIDE);
  }

  #put(source: number, name: Side, placed: Placed): void {
    this.#pending.put(source, name, placed);
    if (name === 'shadow' && source >= this.#decided) this.#unanswered += 1;
  }

  /** What was counted before the restart: with its partner it is a match of then, and before `decided` it waits for none. */
  #putBack(source: number, name: Side, placed: Placed): void {
    const match = this.#matchOf(source, name, placed);
    if (match !== null) this.#settle(match);
    else if (source < this.#decided) this.#pending.settle(source, name, placed);
    else this.#put(source, name, placed);
  }

  /** The match of a source whose side `name` has just come; null while the other is missing, or settled. */
  #matchOf(source: number, name: Side, placed: Placed): Match | null {
    const live = name === 'live' ? placed : this.#pending.get(source, 'live');
    const shadow = name === 'shadow' ? placed : this.#pending.get(source, 'shadow');
    if (live === null || (shadow === null && this.#options.paired)) return null;
    return { source, live, shadow, compared: { live: live.outcome, shadow: shadow?.outcome ?? null } };
  }

  #match(match: Match): void {
    this.#counts.matched += 1;
    this.#options.onMatch(match);
    this.#settle(match);
    const label = this.#labels.get(match.source);
    if (label !== undefined) this.#applyLabel(match.source, label.values);
  }

  /** Of a match only labels want to know any more. */
  #settle({ source, live, shadow }: Match): void {
    if (this.#pending.has(source, 'shadow') && source >= this.#decided) this.#unanswered -= 1;
    this.#pending.settle(source, 'live', live);
    if (shadow !== null) this.#pending.settle(source, 'shadow', shadow);
  }

  /** The label of a source that has matched; of any other it does not count. */
  #applyLabel(source: number, label: readonly number[]): void {
    const live = this.#pending.answered(source, 'live');
    const shadow = this.#pending.answered(source, 'shadow');
    if (live === null || (shadow === null && this.#options.paired)) return;
    this.#counts.labelled += 1;
    this.#options.onLabel({ source, live, shadow }, label);
  }

  /** Decides what both inputs are past, and forgets what no label can come for any more. */
  #sweep(stride = 1): void {
    const { paired, labelWindow } = this.#options;
    const closed = paired ? Math.min(this.live.closed, this.shadow.closed) : this.live.closed;
    if (closed >= this.#decided + stride) {
      if (paired) this.#each(this.#decided, closed, (source) => this.#decide(source));
      this.#decided = closed;
    }
    // Twice the window: a label that was on time when it was keyed may be read a little later.
    const high = Math.max(this.live.high, this.shadow.high);
    const removed = Math.min(this.#decided, high - 2 * labelWindow);
    if (removed < this.#removed + stride) return;
    this.#each(this.#removed, removed, (source) => this.#pending.remove(source));
    for (const source of this.#labels.keys()) if (source < removed) this.#labels.delete(source);
    this.#removed = removed;
    this.#skipped = this.#skipped.filter(({ to }) => to > removed);
    for (const side of [this.live, this.shadow, this.labels]) side.forget(removed);
  }

  /** Of very many passages the two oldest become one, and what lies between them counts as passed over too. */
  #skip(range: Skipped): void {
    const [first, second, ...rest] = [...this.#skipped, range];
    const tooMany = rest.length + 2 > SKIPPED_MAX && first !== undefined && second !== undefined;
    this.#skipped = tooMany ? [{ from: first.from, to: second.to }, ...rest] : [...this.#skipped, range];
  }

  #decide(source: number): void {
    const side = this.#pending.onlySide(source);
    if (side === null) return;
    const placed = this.#pending.get(source, side);
    if (placed !== null) this.#pending.settle(source, side, placed);
    if (side === 'shadow') {
      this.#counts.missingLive += 1;
      this.#unanswered -= 1;
    } else if (this.#skipped.some(({ from, to }) => source >= from && source < to)) this.#counts.skipped += 1;
    else this.#counts.missingShadow += 1;
  }

  /** Does `work` for the sources of [from, to) that may be there. */
  #each(from: number, to: number, work: (source: number) => void): void {
    if (to - from > STEP_MAX) {
      for (const source of this.#pending.below(to)) if (source >= from) work(source);
    } else {
      for (let source = from; source < to; source++) work(source);
    }
  }
}
