// Totals: what an audit counted and found, to be added up over partitions.
// Invariant: every violation is counted; only the first few are kept in words.

import { CHECKS, type CheckName, type Violation } from './violation.ts';

/** Violations kept in words, of each check. */
const KEPT_MAX = 20;

export interface VersionTotals {
  answers: number;
  /** Answers given for a candidate that could not. */
  rescued: number;
  readonly runtimes: string[];
}

export class Totals {
  requests = 0;
  /** Requests with a model's answer. */
  answered = 0;
  /** Requests that ended as an error answer with a dead letter. */
  deadLettered = 0;
  /** Routed, and not answered when the audit began. */
  pending = 0;
  /** Longest time from an abort to an answer of the version that was taken back, ms. */
  lastBadAnswerMs = 0;
  /** Longest time from an abort to a partition's cut, ms. */
  lastRollbackCutMs = 0;
  /** Control records that could not be read, and were left out as the services leave them out. */
  unreadable = 0;
  readonly versions = new Map<number, VersionTotals>();
  readonly counts: Record<CheckName, number>;
  readonly kept: Violation[] = [];

  constructor() {
    this.counts = Object.fromEntries(CHECKS.map((check) => [check, 0])) as Record<CheckName, number>;
  }

  /** Broken promises, of all checks. */
  get violations(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }

  get lost(): number {
    return this.counts.lost;
  }

  get duplicated(): number {
    return this.counts.duplicated;
  }

  /** Answers by another version than the cuts name, and requests that went another way than they say. */
  get wrongVersion(): number {
    return this.counts['wrong-version'] + this.counts.misrouted + this.counts['aborted-read'];
  }

  note(...found: readonly Violation[]): void {
    for (const one of found) {
      this.counts[one.check] += 1;
      this.#keep(one);
    }
  }

  countVersion(answer: { readonly version: number; readonly rescuedFrom: unknown }, runtime: string): void {
    const known = this.versions.get(answer.version) ?? { answers: 0, rescued: 0, runtimes: [] };
    this.versions.set(answer.version, known);
    known.answers += 1;
    if (answer.rescuedFrom !== null) known.rescued += 1;
    addRuntime(known, runtime);
  }

  add(other: Totals): void {
    this.requests += other.requests;
    this.answered += other.answered;
    this.deadLettered += other.deadLettered;
    this.pending += other.pending;
    this.lastBadAnswerMs = Math.max(this.lastBadAnswerMs, other.lastBadAnswerMs);
    this.lastRollbackCutMs = Math.max(this.lastRollbackCutMs, other.lastRollbackCutMs);
    this.unreadable += other.unreadable;
    for (const check of CHECKS) this.counts[check] += other.counts[check];
    for (const one of other.kept) this.#keep(one);
    for (const [version, { answers, rescued, runtimes }] of other.versions) {
      const known = this.versions.get(version) ?? { answers: 0, rescued: 0, runtimes: [] };
      this.versions.set(version, known);
      known.answers += answers;
      known.rescued += rescued;
      for (const runtime of runtimes) addRuntime(known, runtime);
    }
  }

  #keep(one: Violation): void {
    if (this.kept.filter(({ check }) => check === one.check).length < KEPT_MAX) this.kept.push(one);
  }
}

function addRuntime({ runtimes }: VersionTotals, runtime: string): void {
  if (runtime !== '' && !runtimes.includes(runtime)) runtimes.push(runtime);
}
