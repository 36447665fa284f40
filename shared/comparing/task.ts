// Task: one run in one partition: its inputs, read in step, and the comparison that they are folded into.
// Flow: E.predictions, E.shadow, E.keyed-labels → [step] → comparison → totals, windows, examples at the next commit.
// Invariants: an input that is far ahead of its partner waits in its log, so that memory stays flat however long a partner is
//             away; after a restart everything that still waits is read again before anything new.

import type { ReadFrom } from '../bus/bus.ts';
import { type Changes, Comparison } from '../comparison/comparison.ts';
import { countsSince, NO_COUNTS, type Tick } from '../comparison/join-state.ts';
import type { Field } from '../comparison/outcome.ts';
import type { JoinSide } from '../comparison/side.ts';
import type { JoinCounts, Totals } from '../domain/comparison.ts';
import type { InRecord } from '../domain/record.ts';
import type { Topics } from '../domain/topics.ts';
import { Input } from './input.ts';
import type { Limits } from './limits.ts';
import { sourceIn } from './outcomes.ts';
import { type Run, RunRecords } from './run-records.ts';
import { savedOf, type TotalsHead, totalsOf } from './saved.ts';
import type { InputKind, Tails } from './tail.ts';

/** A run that no plan names is over when its inputs say nothing for so long. */
const END_AFTER_MS = 5_000;
/** The same, while answers to what was scored are missing: an incumbent that is down may give them yet. */
const END_UNANSWERED_AFTER_MS = 60_000;
/** Under traffic that never pauses: once all is answered, only labels could be waited for. */
const END_BUSY_AFTER_MS = 60_000;
/** Time between two ticks. */
const TICK_INTERVAL_MS = 30_000;

export interface TaskDeps {
  readonly topics: Topics;
  readonly endpoint: string;
  readonly partition: number;
  readonly limits: Limits;
  readonly tails: Tails;
}

/** Where a task begins: at a run's first mark, or where its totals say. */
export type Start = { readonly markOffset: number } | { readonly totals: Totals } | null;

/** Where a task that counts anew stops: at a tick on record, or where the totals on record end. */
export interface Stop {
  readonly live: number;
  readonly shadow: number;
  readonly labels: number;
  /** There is nothing behind it. */
  readonly isEnd: boolean;
}

/** What one commit is to write. */
export interface Written {
  readonly totals: Totals;
  readonly changes: Changes;
  /** What the totals count more than the last ones. */
  readonly counted: JoinCounts;
  /** Scopes of which the totals hold less than was counted, or nothing. */
  readonly reduced: readonly string[];
}

export class Task {
  readonly #deps: TaskDeps;
  readonly #run: Run | null;
  readonly #comparison: Comparison;
  readonly #fields: Field[];
  readonly #records: RunRecords;
  readonly #shadow: Input | null;
  readonly #labels: Input;
  #live: Input | null;
  #stop: Stop | null = null;
  #sinceMs: number;
  /** What the last totals say. */
  #counts: JoinCounts;
  #changed = false;
  #goneMs: number | null = null;
  #busyMs = 0;
  #tickMs = 0;
  ended: boolean;

  /** @param run null: the answers of all versions, without a pair */
  constructor(deps: TaskDeps, run: Run | null, start: Start) {
    const { topics, endpoint, partition, limits } = deps;
    this.#deps = deps;
    this.#run = run;
    const totals = start !== null && 'totals' in start ? start.totals : null;
    const saved = totals === null ? null : savedOf(totals);
    this.#fields = [...(saved?.fields ?? [])];
    this.#sinceMs = totals?.sinceMs ?? 0;
    this.#counts = totals?.counts ?? NO_COUNTS;
    this.ended = totals?.ended ?? false;
    const names = {
      requests: topics.endpoint(endpoint, 'requests'),
      predictions: topics.endpoint(endpoint, 'predictions'),
      shadow: topics.endpoint(endpoint, 'shadow'),
    };
    this.#comparison = new Comparison(
      { ...limits, partition, fields: this.#fields, paired: run !== null, topics: names },
      saved ?? undefined,
    );
    const place = { endpoint, requests: names.requests, partition };
    this.#records = new RunRecords(this.#comparison, { run, fields: this.#fields, place });
    const { join } = this.#comparison;
    this.#labels = this.#open('keyed-labels', join.labels, 'earliest');
    const mark = start !== null && 'markOffset' in start ? start.markOffset : 'earliest';
    this.#shadow = run === null ? null : this.#open('shadow', join.shadow, mark);
    this.#live = run === null || join.begun !== null ? this.#openLive() : null;
    // A run is on record from the moment when its mark was seen.
    this.#changed = totals === null;
  }

  /** Offset of the next answer: where the owner's group stands. */
  get livePosition(): number {
    return this.#comparison.join.live.position;
  }

  /** Without a pair: how far the shadow's topic was searched for new runs. */
  get searched(): number {
    return this.#comparison.join.shadow.position;
  }

  set searched(offset: number) {
    if (offset > this.searched) this.#changed = true;
    this.#comparison.join.shadow.skipTo(offset);
  }

  /** Whether something is to be written. */
  get changed(): boolean {
    return this.#changed;
  }

  /** Takes up to `budget` records. @returns how many it took; 0: there is nothing to do now */
  step(budget: number, nowMs: number): number {
    // What comes now is in no totals.
    if (this.ended) return 0;
    let taken = 0;
    while (taken < budget && this.#one()) taken += 1;
    if (taken > 0) {
      this.#changed = true;
      this.#busyMs = nowMs;
    }
    this.#followEnds();
    this.#tick(nowMs);
    return taken;
  }

  /** No plan names the run any more: it ends once its inputs have run dry. */
  leave(nowMs: number): void {
    this.#goneMs ??= nowMs;
    const { join } = this.#comparison;
    if (this.#shadow?.atEnd !== true || this.ended) return;
    const isAnswered = join.unanswered === 0 && join.live.high >= join.shadowed;
    const patienceMs = join.unanswered === 0 ? END_AFTER_MS : END_UNANSWERED_AFTER_MS;
    const isQuiet = nowMs - Math.max(this.#goneMs, this.#busyMs) >= patienceMs;
    const isDry = isQuiet && (this.#live === null || this.#live.atEnd || this.#liveWaits());
    if (!isDry && !(isAnswered && nowMs - this.#goneMs >= END_BUSY_AFTER_MS)) return;
    this.finish();
  }

  /** It takes nothing from there on, and time decides nothing. */
  stopAt(stop: Stop): void {
    this.#stop = stop;
    this.#live?.stopAt(stop.live, stop.isEnd);
    this.#shadow?.stopAt(stop.shadow, stop.isEnd);
    this.#labels.stopAt(stop.labels, stop.isEnd);
  }

  /** Whether everything before its stop was taken. */
  get hasStopped(): boolean {
    const { live, shadow, labels } = this.#comparison.join;
    const stop = this.#stop;
    if (stop === null || live.position < stop.live || (this.#shadow !== null && shadow.position < stop.shadow))
      return false;
    return !stop.isEnd || labels.position >= stop.labels;
  }

  /** Decides what a tick on record did; to be called where it was. */
  decideAt(tick: Tick): void {
    this.#comparison.join.decideAt(tick);
  }

  /** Whatever has no partner has none. */
  finish(): void {
    this.#comparison.join.finish();
    this.ended = true;
    this.#changed = true;
  }

  /** What the next commit writes: the totals with all of the changes, and these. */
  take(nowMs: number): Written {
    const changes = this.#comparison.take();
    this.#changed = false;
    const { endpoint, partition } = this.#deps;
    const head: TotalsHead = {
      endpoint,
      partition,
      rollout: this.#run?.rollout ?? '',
      version: this.#run?.version ?? 0,
      digest: this.#run?.digest ?? '',
      sampleBp: this.#run?.sampleBp ?? 10_000,
      sinceMs: this.#sinceMs,
      ended: this.ended,
      atMs: nowMs,
      fields: this.#fields,
      tolerances: this.#run?.tolerances ?? [],
    };
    const { totals, dropped, reduced } = totalsOf(head, this.#comparison.saved());
    this.#comparison.drop(dropped);
    const counted = countsSince(this.#counts, totals.counts);
    this.#counts = totals.counts;
    return { totals, changes, counted, reduced };
  }

  async stop(): Promise<void> {
    await Promise.all([this.#live?.stop(), this.#shadow?.stop(), this.#labels.stop()]);
  }

  #open(kind: InputKind, side: JoinSide, first: ReadFrom): Input {
    return new Input(this.#deps.tails[kind], side.position > 0 ? side.position : first);
  }

  #openLive(): Input {
    const since = this.#run === null ? 'earliest' : { timestampMs: this.#sinceMs };
    const input = this.#open('predictions', this.#comparison.join.live, since);
    if (this.#stop !== null) input.stopAt(this.#stop.live, this.#stop.isEnd);
    return input;
  }

  /** One record of the input whose turn it is; false when none can be taken. */
  #one(): boolean {
    const { join } = this.#comparison;
    if (!this.#isRestored(join.live, this.#live))
      return this.#take(this.#live, (record) => this.#records.addLive(record));
    if (!this.#isRestored(join.shadow, this.#shadow)) {
      return this.#take(this.#shadow, (record) => this.#addShadow(record));
    }
    // A label of what lies before the comparison begins is nobody's: whether it is, is known with the mark.
    const begun = join.begun !== null;
    const takesLabel = begun && !this.#labelWaits();
    if (takesLabel && this.#take(this.#labels, (record) => this.#records.addLabel(record))) return true;
    if (!this.#isRestored(join.labels, this.#labels)) return false;
    const live = this.#live?.head ?? null;
    const shadow = this.#shadow?.head ?? null;
    const far = this.#deps.limits.ahead;
    const liveWaits = this.#liveWaits();
    // Before its mark a run reads what others wrote, and there are no answers that could catch up with that; nor are there at a stop.
    const catchesUp = begun && !(this.#stop !== null && join.live.position >= this.#stop.live);
    const shadowWaits = catchesUp && shadow !== null && sourceOf(shadow) > join.live.high + far;
    if (shadow !== null && (!shadowWaits || (live !== null && liveWaits))) {
      if (live === null || liveWaits || sourceOf(shadow) <= sourceOf(live)) {
        return this.#take(this.#shadow, (record) => this.#addShadow(record));
      }
    }
    return live !== null && !liveWaits && this.#take(this.#live, (record) => this.#records.addLive(record));
  }

  /** Whether everything old was read again: nothing new may come before that, or it would find its partner missing. */
  #isRestored(side: JoinSide, input: Input | null): boolean {
    const head = input?.head ?? null;
    // Markers lie between the last old record and the first new one.
    if (head !== null && !side.isOld(head.offset)) side.skipTo(head.offset);
    return side.restored;
  }

  /** Whether the next answer is so far ahead of the shadow, which may score nothing at all, that it stays in its log. */
  #liveWaits(): boolean {
    const live = this.#live?.head ?? null;
    const bound = this.#comparison.join.shadowed + this.#deps.limits.ahead;
    return this.#run !== null && live !== null && sourceOf(live) > bound;
  }

  /**
   * Whether the next label stays in its log until the answers to all that was asked before it are read. It may name an id that
   * only its answer tells, and of labels that wait for their ids a bounded number is kept.
   */
  #labelWaits(): boolean {
    const { live, labels } = this.#comparison.join;
    const head = this.#labels.head;
    if (head === null || labels.isOld(head.offset) || this.#live === null) return false;
    if (this.#records.endOf(head) <= live.high + 1) return false;
    // The answers are not there yet, or will not be read any more.
    return !(this.#live.atEnd || (this.#goneMs !== null && this.#liveWaits()));
  }

  #take(input: Input | null, add: (record: InRecord) => void): boolean {
    const record = input?.head ?? null;
    if (input === null || record === null) return false;
    add(record);
    input.shift();
    return true;
  }

  #addShadow(record: InRecord): void {
    const begun = this.#records.addShadow(record);
    if (begun === null) return;
    this.#sinceMs = begun.sinceMs;
    this.#live = this.#openLive();
  }

  /** What lies behind the last record of an input needs no reading again. */
  #followEnds(): void {
    const { live, shadow, labels } = this.#comparison.join;
    if (this.#live?.head === null) live.skipTo(this.#live.passed);
    if (this.#shadow?.head === null) shadow.skipTo(this.#shadow.passed);
    if (this.#labels.head === null) labels.skipTo(this.#labels.passed);
  }

  #tick(nowMs: number): void {
    if (this.#run === null || this.#stop !== null) return;
    if (this.#tickMs === 0) this.#tickMs = nowMs;
    if (nowMs - this.#tickMs < TICK_INTERVAL_MS) return;
    this.#tickMs = nowMs;
    const isQuiet = this.#live?.atEnd === true && this.#shadow?.atEnd === true;
    if (isQuiet && this.#comparison.join.tick()) this.#changed = true;
  }
}

function sourceOf(record: InRecord): number {
  return sourceIn(record.headers, record.partition) ?? -1;
}
