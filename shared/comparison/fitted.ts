// Fitted: metric states that a record has room for: as they are, or coarser.
// Flow: what a commit adds, and the sum of all → [fitted] → [asWritten] → windows of millrace.metrics, E.totals.
// Invariant: a function of what was counted, never of its order or division: states that were fitted, merged and fitted again are
//            those of the whole, fitted. So a comparator that was killed counts as one that never was.

import type { MetricStates } from './metrics/metric.ts';
import { coarserStates, LEVEL_MAX, levelOf } from './metrics/registry.ts';

/** Bytes of one scope's states within a record. Of 32 outputs, each with a hundred values, all are told apart. */
export const SCOPE_BYTES_MAX = 196_608;

/** States as a record holds them. */
export interface Written {
  /** JSON. */
  readonly text: string;
  /** Of the text, within its record. */
  readonly bytes: number;
}

/** What fitted states are written as. Nothing is counted into them any more, and every commit writes all scopes: a cache. */
const known = new WeakMap<MetricStates, Written>();

/** The states at the finest level, of their own and those above it, at which they take no more than SCOPE_BYTES_MAX. */
export function fitted(states: MetricStates): MetricStates {
  for (let level = levelOf(states); ; level++) {
    const coarser = coarserStates(states, level);
    const written = writtenOf(coarser);
    if (written.bytes > SCOPE_BYTES_MAX && level < LEVEL_MAX) continue;
    known.set(coarser, written);
    return coarser;
  }
}

/** @param states of `fitted`, to which nothing is added any more; any others are written out */
export function asWritten(states: MetricStates): Written {
  return known.get(states) ?? writtenOf(states);
}

function writtenOf(states: MetricStates): Written {
  const text = JSON.stringify(states);
  return { text, bytes: bytesWithin(text) };
}

/** Bytes of a text of ASCII as a field of a JSON record, where each of its quotes takes two. */
export function bytesWithin(text: string): number {
  return JSON.stringify(text).length;
}
