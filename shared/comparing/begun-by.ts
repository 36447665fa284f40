// BegunBy: which run a record is about: one of E.shadow that begins it, or its totals.

import { decodeControl } from '../codec/control.ts';
import type { Totals } from '../domain/comparison.ts';
import { HEADER, headerText } from '../domain/headers.ts';
import type { InRecord } from '../domain/record.ts';
import type { Run } from './run-records.ts';
import { savedOf } from './saved.ts';

/** A run, and its first source in a partition. */
export interface Begun {
  readonly run: Run;
  readonly from: number;
}

/** What a record of E.shadow begins, or null. */
export function begunBy(record: InRecord): Begun | null {
  if (headerText(record.headers, HEADER.shadowMark) !== 'begun') return null;
  try {
    const { rollout, version, terms, to } = decodeControl('shadow-mark', record);
    return terms === null ? null : { run: { rollout, version, ...terms }, from: to };
  } catch {
    // Counted as unreadable where its run is compared, if there is one.
    return null;
  }
}

/** The run of a totals record; null: the answers without a pair. */
export function runOf(totals: Totals): Run | null {
  const { rollout, version, digest, sampleBp } = totals;
  return rollout === '' ? null : { rollout, version, digest, sampleBp, tolerances: savedOf(totals).tolerances };
}
