// JoinState: all that a join keeps across a restart, and what it begins with.

import { type JoinCounts, joinCountsSchema } from '../domain/comparison.ts';
import { SIDE_START, type SideState } from './side.ts';

/** Offsets [from, to) that the shadow passed over. */
export interface Skipped {
  readonly from: number;
  readonly to: number;
}

/** A moment at which what had waited long enough without a partner was decided, although no window had passed it. */
export interface Tick {
  /** Next offsets of both topics then. */
  readonly liveOffset: number;
  readonly shadowOffset: number;
  /** Sources below did not come any more. */
  readonly liveClosed: number;
  readonly shadowClosed: number;
}

/** What is kept of a join across a restart. */
export interface JoinState {
  readonly live: SideState;
  readonly shadow: SideState;
  readonly labels: Pick<SideState, 'position' | 'rewind'>;
  /** First source that is compared; null until the shadow has begun. */
  readonly begun: number | null;
  /** Sources before it the shadow has done. */
  readonly done: number;
  readonly skipped: readonly Skipped[];
  /** Time is not in the topics: a replay decides the same by these. */
  readonly ticks: readonly Tick[];
  readonly decided: number;
  readonly removed: number;
  readonly counts: JoinCounts;
}

export const NO_COUNTS = countsBy(() => 0);

export function addCounts(a: JoinCounts, b: JoinCounts): JoinCounts {
  return countsBy((name) => a[name] + b[name]);
}

/** What was counted since it was `before`. */
export function countsSince(before: JoinCounts, now: JoinCounts): JoinCounts {
  return countsBy((name) => now[name] - before[name]);
}

export const JOIN_START: JoinState = {
  live: SIDE_START,
  shadow: SIDE_START,
  labels: { position: 0, rewind: 0 },
  begun: null,
  done: 0,
  skipped: [],
  ticks: [],
  decided: 0,
  removed: 0,
  counts: NO_COUNTS,
};

function countsBy(count: (name: keyof JoinCounts) => number): JoinCounts {
  const names = joinCountsSchema.keyof().options;
  return joinCountsSchema.parse(Object.fromEntries(names.map((name) => [name, count(name)])));
}
