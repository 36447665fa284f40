// Goal: a run in which too little happened fails, and says what did not.

import { expect, it } from 'vitest';
import type { FaultRecord } from './fault.ts';
import { missedFaults, missedKills, missedRollouts } from './verdict.ts';

const [CUT, KILL, STALL] = ['cut', 'kill', 'stall'] as const;

function record(kind: string, target: string): FaultRecord {
  return { number: 1, kind, target, atMs: 0, stallDuringMs: 0, stallMs: 0, problems: [] };
}

const hits = (kind: string, count = 1) => Array.from({ length: count }, () => record(kind, 'something'));
const misses = (kind: string, count = 1) => Array.from({ length: count }, () => record(kind, ''));
const of = (...faults: readonly FaultRecord[]) => missedFaults({ faults, kinds: [CUT, KILL, STALL], first: [KILL] });

it('a run without a fault fails, and so does one whose faults hit nothing', () => {
  expect(of()).toEqual(['faults: none hit anything']);
  expect(of(...misses(KILL, 3))).toEqual(['faults: none hit anything']);
});

it('a quarter of the draws may miss, and no more', () => {
  expect(of(...hits(KILL, 3), ...misses(KILL))).toEqual([]);
  expect(of(...hits(KILL, 5), ...misses(KILL, 2))).toEqual(['faults: 2 of 7 hit nothing']);
});

it('what every run begins with must hit, everything else once all kinds were drawn', () => {
  expect(of(...hits(CUT, 4), ...misses(KILL))).toEqual(['faults: kill never hit']);
  expect(of(...hits(CUT, 4), ...hits(KILL))).toEqual([]);
  expect(of(...hits(CUT, 4), ...hits(KILL), ...misses(STALL))).toEqual(['faults: stall never hit']);
});

it('kills come at four fifths of their rate at least, and at least once', () => {
  const kills = (count: number, seconds: number) =>
    missedKills({ faults: [...hits(KILL, count), ...misses(KILL, 9)], seconds, everyMs: 5_000 });
  expect(kills(80, 500)).toEqual([]);
  expect(kills(79, 500)).toEqual(['kills: 79 in 500 s, one every 5000 ms makes 80 at least']);
  expect(kills(0, 4)).toHaveLength(1);
});

it('a long run has a canary that was promoted and one that was rolled back, a short one a canary that ended', () => {
  const ended = (canary: Record<string, number>, abort: Record<string, number>) => ({
    ...{ ended: { canary, 'canary-abort': abort, shadow: {}, 'blue-green': {}, basic: { promoted: 3 } }, refused: 0 },
  });
  expect(missedRollouts(ended({ promoted: 1 }, { aborted: 1 }), true)).toEqual([]);
  expect(missedRollouts(ended({ promoted: 9 }, { failed: 2 }), true)).toEqual(['rollouts: no canary was rolled back']);
  expect(missedRollouts(ended({}, { aborted: 2 }), true)).toEqual(['rollouts: no canary was promoted']);
  expect(missedRollouts(ended({}, {}), false)).toEqual(['rollouts: not even the first canary came to its end']);
  expect(missedRollouts(ended({ failed: 1 }, {}), false)).toEqual([]);
});
