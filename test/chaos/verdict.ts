// Verdict: whether a run did what it is for: faults that hit, kills at their rate, rollouts that ended both ways.
// Invariant: a run in which nothing happened is no success.

import type { FaultRecord } from './fault.ts';
import type { RolloutCounts } from './rollouts.ts';

/** Of all draws so many may find nothing to hit: a model that is just loading, a message that nobody sends. */
const MISSED_SHARE_MAX = 0.25;
/** Of the kills that the time has room for, so many must hit. */
const KILLS_SHARE_MIN = 0.8;

/** Of faults one after another: that they hit, and that each kind which had to come did. */
export function missedFaults(run: {
  readonly faults: readonly FaultRecord[];
  readonly kinds: readonly string[];
  /** Those of `kinds` that every run begins with. */
  readonly first: readonly string[];
}): string[] {
  const { faults, kinds, first } = run;
  const hit = new Set(faults.filter(({ target }) => target !== '').map(({ kind }) => kind));
  if (hit.size === 0) return ['faults: none hit anything'];
  const missed = faults.filter(({ target }) => target === '').length;
  const drawn = new Set(faults.map(({ kind }) => kind));
  const must = kinds.every((kind) => drawn.has(kind)) ? kinds : first;
  return [
    ...(missed / faults.length > MISSED_SHARE_MAX ? [`faults: ${missed} of ${faults.length} hit nothing`] : []),
    ...must.filter((kind) => !hit.has(kind)).map((kind) => `faults: ${kind} never hit`),
  ];
}

/** Of one kill after another for `seconds`: that they came as often as they should. */
export function missedKills(run: {
  readonly faults: readonly FaultRecord[];
  readonly seconds: number;
  readonly everyMs: number;
}): string[] {
  const kills = run.faults.filter(({ target }) => target !== '').length;
  const least = Math.floor((KILLS_SHARE_MIN * run.seconds * 1_000) / run.everyMs);
  return kills > 0 && kills >= least
    ? []
    : [`kills: ${kills} in ${Math.round(run.seconds)} s, one every ${run.everyMs} ms makes ${least} at least`];
}

/** Of the rollouts: that some canary came to its end; `both`: that one was promoted and one rolled back. */
export function missedRollouts({ ended }: RolloutCounts, both: boolean): string[] {
  const canaries = [ended.canary, ended['canary-abort']];
  const count = (outcome: string) => canaries.reduce((sum, outcomes) => sum + (outcomes[outcome] ?? 0), 0);
  if (!both) {
    const all = canaries.flatMap((outcomes) => Object.values(outcomes)).length;
    return all > 0 ? [] : ['rollouts: not even the first canary came to its end'];
  }
  return [
    ...(count('promoted') > 0 ? [] : ['rollouts: no canary was promoted']),
    ...(count('aborted') > 0 ? [] : ['rollouts: no canary was rolled back']),
  ];
}
