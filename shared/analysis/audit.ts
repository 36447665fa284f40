// Audit: one partition of one endpoint, judged from its topics alone.
// Flow: records of requests, lanes, predictions and dead letters, roughly in the order of time → trails by source → checks.
// Invariants: identity is the source, never a service's counter. A trail is dropped once it is whole; whatever comes for it
//             later is a second outcome. So memory grows with what is under way, not with what was done.

import { murmur3 } from '../domain/bucket.ts';
import { type Cut, orderedCuts } from '../domain/cut.ts';
import { assert, MillraceError } from '../domain/errors.ts';
import { HEADER, headerText } from '../domain/headers.ts';
import { type Bytes, formatSource, type InRecord, parseSource, type Source } from '../domain/record.ts';
import { decideRoute } from '../domain/route.ts';
import type { Lane } from '../domain/route-plan.ts';
import { checkAbortedRead } from './checks/aborted-read.ts';
import { checkNeverShadow } from './checks/never-shadow.ts';
import { checkOneOutcome } from './checks/one-outcome.ts';
import { OrderPerKey } from './checks/order-per-key.ts';
import { checkRightVersion } from './checks/right-version.ts';
import { checkRollbackAnswer, lateMs, type RollbackBounds } from './checks/rollback-bound.ts';
import { checkRouted } from './checks/routed-as-planned.ts';
import { Finished } from './finished.ts';
import type { JournalFacts } from './journal.ts';
import { Totals } from './totals.ts';
import { answerOf, hopOf, isWhole, newTrail, type Trail } from './trail.ts';
import { violation } from './violation.ts';

/** Trails under way at most, unless told otherwise. */
const OPEN_MAX = 500_000;

export interface AuditScope {
  readonly partition: number;
  /** Request offsets that are judged: `from` inclusive, `to` exclusive. */
  readonly from: number;
  readonly to: number;
  /** Cuts of the partition, in the order of the topic. */
  readonly cuts: readonly Cut[];
  readonly journal: JournalFacts;
  /** What each lane's group had committed when the audit began: records from there on are still under way. */
  readonly laneCommitted: Readonly<Record<Lane, number>>;
  readonly atLeastOnce: boolean;
  readonly bounds: RollbackBounds;
  /** Trails under way at most: what bounds the memory. */
  readonly openMax?: number;
}

export class PartitionAudit {
  readonly totals = new Totals();
  readonly #scope: AuditScope;
  #to: number;
  readonly #cuts: readonly Cut[];
  readonly #order = new OrderPerKey();
  readonly #finished = new Finished();
  readonly #open = new Map<number, Trail>();

  constructor(scope: AuditScope) {
    this.#scope = scope;
    this.#to = scope.to;
    // What contradicts is reported by PartitionCuts.
    this.#cuts = orderedCuts(scope.cuts);
  }

  onRequest(record: InRecord): void {
    const { partition, offset } = record;
    if (!this.#inScope(offset)) return;
    this.totals.requests += 1;
    const trail = this.#trailOf({ partition, offset });
    const decision = decideRoute(this.#cuts, record);
    trail.request = { atMs: record.timestampMs, decision, valueHash: hashOf(record.value) };
    this.#settle(trail);
  }

  onLane(lane: Lane, record: InRecord): void {
    const source = this.#sourceOf(record, 'misrouted');
    if (source === null || this.#again(source, 'misrouted', record)) return;
    const trail = this.#trailOf(source);
    trail.hops.push(hopOf(lane, record));
    this.#settle(trail);
  }

  onPrediction(record: InRecord): void {
    const source = this.#sourceOf(record, 'duplicated');
    if (source === null) return;
    // A repeat comes after what followed it the first time, and may where delivery is at-least-once.
    const repeats = this.#finished.has(source.offset) || (this.#open.get(source.offset)?.answers.length ?? 0) > 0;
    if (!repeats || !this.#scope.atLeastOnce) this.totals.note(...this.#order.observe(record, source));
    if (this.#again(source, 'duplicated', record)) return;
    const trail = this.#trailOf(source);
    trail.answers.push(answerOf(record));
    this.#countAnswer(record, source, trail);
    this.#settle(trail);
  }

  onDeadLetter(record: InRecord): void {
    const source = this.#sourceOf(record, 'duplicated');
    if (source === null || this.#again(source, 'duplicated', record)) return;
    const trail = this.#trailOf(source);
    trail.letters.push({
      offset: record.offset,
      code: headerText(record.headers, HEADER.error) ?? '',
      stage: headerText(record.headers, HEADER.stage) ?? '',
      valueHash: hashOf(record.value),
    });
    this.#settle(trail);
  }

  /** Judges no request from `offset` on, whatever was read of them. */
  endAt(offset: number): void {
    this.#to = Math.min(this.#to, offset);
    for (const open of this.#open.keys()) if (open >= this.#to) this.#open.delete(open);
  }

  /** After the last record: what is not whole is under way, or lost. */
  finish(): void {
    for (const trail of this.#open.values()) {
      if (this.#isPending(trail)) this.totals.pending += 1;
      else this.#judge(trail);
    }
    this.#open.clear();
  }

  #isPending({ request, hops, answers, letters }: Trail): boolean {
    const { laneCommitted } = this.#scope;
    const waits = hops.some(({ lane, offset }) => offset >= laneCommitted[lane]);
    return request !== null && waits && answers.length === 0 && letters.length === 0;
  }

  #settle(trail: Trail): void {
    if (!isWhole(trail)) return;
    this.#judge(trail);
    this.#open.delete(trail.source.offset);
    this.#finished.add(trail.source.offset);
  }

  #judge(trail: Trail): void {
    const { atLeastOnce } = this.#scope;
    this.totals.note(
      ...checkOneOutcome(trail, atLeastOnce),
      ...checkRightVersion(trail),
      ...checkAbortedRead(trail),
      ...checkRouted(trail, atLeastOnce),
      ...checkNeverShadow(trail),
    );
    const [answer] = trail.answers;
    if (trail.request === null || answer === undefined) return;
    if (answer.error === null) this.totals.answered += 1;
    else if (trail.letters.length > 0) this.totals.deadLettered += 1;
  }

  #countAnswer(record: InRecord, source: Source, trail: Trail): void {
    const answer = trail.answers.at(-1);
    assert(answer !== undefined, `no answer on the trail of ${formatSource(source)}`);
    const { journal, bounds } = this.#scope;
    this.totals.note(...checkRollbackAnswer(source, answer, { journal, bounds }));
    if (answer.error !== null) return;
    this.totals.lastBadAnswerMs = Math.max(this.totals.lastBadAnswerMs, lateMs(answer, journal));
    this.totals.countVersion(answer, headerText(record.headers, HEADER.runtime) ?? '');
  }

  /** Source of one of our records; null when it lies outside the scope, or is none, which is a violation. */
  #sourceOf(record: InRecord, check: 'misrouted' | 'duplicated'): Source | null {
    const text = headerText(record.headers, HEADER.source) ?? '';
    const source = parseSource(text);
    if (source === null || source.partition !== this.#scope.partition) {
      const at = `${record.topic}-${record.partition}-${record.offset}`;
      this.totals.note(violation(check, at, `names no request of this partition: '${text.slice(0, 64)}'`));
      return null;
    }
    return this.#inScope(source.offset) ? source : null;
  }

  /** Whether the request's trail was whole already: then this record is one too many. */
  #again(source: Source, check: 'misrouted' | 'duplicated', record: InRecord): boolean {
    if (!this.#finished.has(source.offset)) return false;
    if (!this.#scope.atLeastOnce) {
      this.totals.note(violation(check, source, `once more: ${record.topic}-${record.partition}-${record.offset}`));
    }
    return true;
  }

  #inScope(offset: number): boolean {
    return offset >= this.#scope.from && offset < this.#to;
  }

  #trailOf(source: Source): Trail {
    const known = this.#open.get(source.offset);
    if (known !== undefined) return known;
    const { size } = this.#open;
    if (size >= (this.#scope.openMax ?? OPEN_MAX))
      throw new MillraceError('AUDIT_TOO_WIDE', { partition: source.partition, open: size });
    const trail = newTrail(source);
    this.#open.set(source.offset, trail);
    return trail;
  }
}

function hashOf(value: Bytes | null): number {
  return value === null ? -1 : murmur3(value, 0);
}
