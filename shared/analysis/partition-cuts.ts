// PartitionCuts: the cuts of one partition: those that requests may still go by, and what all of them say of the promises.
// Flow: E.cuts of the partition, in order, after the journal → [onCut, onTombstone] → cuts to route by, totals.
// Invariant: keeps only cuts that are not buried, and of those no evidence, which may be longer than all the rest.

import type { Cut } from '../domain/cut.ts';
import { checkMissingCuts, checkRollbackCuts, type RollbackBounds, rollbacksBy } from './checks/rollback-bound.ts';
import { checkCut } from './checks/routed-as-planned.ts';
import type { JournalFacts } from './journal.ts';
import { Totals } from './totals.ts';

interface CutsScope {
  readonly partition: number;
  readonly journal: JournalFacts;
  readonly bounds: RollbackBounds;
}

export class PartitionCuts {
  readonly totals = new Totals();
  atLeastOnce = false;
  readonly #scope: CutsScope;
  readonly #byKey = new Map<string, Cut>();
  #before: Cut | null = null;
  /** Greatest revision so far; null before the first cut. */
  #newest: number | null = null;

  constructor(scope: CutsScope) {
    this.#scope = scope;
  }

  /** Cuts that are not buried. */
  get cuts(): readonly Cut[] {
    return [...this.#byKey.values()];
  }

  onCut(key: string, whole: Cut): void {
    const { journal, bounds, partition } = this.#scope;
    const cut = { ...whole, plan: { ...whole.plan, evidence: [] } };
    this.totals.note(...checkCut(partition, cut, { before: this.#before, journal }));
    const rollbacks = rollbacksBy(cut, { newest: this.#newest, aborts: journal.aborts });
    this.totals.note(...checkRollbackCuts(partition, rollbacks, bounds));
    for (const { ms } of rollbacks) this.totals.lastRollbackCutMs = Math.max(this.totals.lastRollbackCutMs, ms);
    this.atLeastOnce ||= cut.plan.delivery === 'at-least-once';
    this.#before = cut;
    this.#newest = Math.max(this.#newest ?? 0, cut.plan.revision);
    // As in the topic, the newest of a key comes last.
    this.#byKey.delete(key);
    this.#byKey.set(key, cut);
  }

  onTombstone(key: string): void {
    this.#byKey.delete(key);
  }

  /** After the last record. */
  finish(nowMs: number): void {
    const { partition, journal, bounds } = this.#scope;
    this.totals.note(...checkMissingCuts(partition, this.#newest, { journal, bounds, nowMs }));
  }
}
