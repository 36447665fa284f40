// Fault: one kind of trouble, from its beginning to the recovery; and what must go on meanwhile.
// Flow: schedule draws → [runFault]: apply → it lasts → progress while it still does → heal → progress everywhere → bars.ts.
// Invariant: every wait is bounded and its end is judged: a partition that stands still is named.

import type { Clock } from '../../shared/domain/clock.ts';
import { errorText } from '../../shared/domain/errors.ts';
import { BARS, type Bar, missesOf } from './bars.ts';
import type { Draw } from './schedule.ts';
import type { World } from './world.ts';

/** Answers that were under way when it began are through by then, so a fault lasts so long at least. */
const UNDER_WAY_MS = 2_000;
const RECOVERY_MS = 45_000;
/** Answers that count as progress, per partition. */
const LEAST_ANSWERS = 3;

export interface Applied {
  readonly target: string;
  /** Partitions that may wait until it is over; all others go on. */
  readonly concerned: readonly number[];
  readonly bar: Bar;
  /** How long it lasts at least; 0 for what is over at once. */
  readonly holdMs: number;
  /** What is done while it lasts, which is until that is done. */
  readonly work?: Promise<void>;
  /** Undoes what `World.heal` does not. */
  readonly heal: () => Promise<void>;
}

/** Begins; null when there is nothing that could be hit now. */
export type Apply = (world: World, draw: Draw<string>) => Promise<Applied | null>;

export interface FaultRecord {
  readonly number: number;
  readonly kind: string;
  /** Empty when there was nothing to hit. */
  readonly target: string;
  readonly atMs: number;
  /** Longest silence of a partition that had to go on meanwhile, and of any until the recovery, ms. */
  readonly stallDuringMs: number;
  readonly stallMs: number;
  readonly problems: readonly string[];
}

/** What a fault is watched by. */
export interface Watched {
  readonly house: Pick<World, 'answers' | 'heal'>;
  readonly clock: Clock;
}

export async function runFault(
  { house, clock }: Watched,
  draw: Draw<string>,
  apply: () => Promise<Applied | null>,
): Promise<FaultRecord> {
  const { answers } = house;
  const atMs = clock.nowMs();
  const meter = answers.meter();
  const errors: string[] = [];
  let [applied, stillDuring, stallDuringMs]: [Applied | null, readonly number[], number] = [null, [], 0];
  try {
    applied = await apply();
    if (applied === null) {
      meter.stop();
      return { ...draw, target: '', atMs, stallDuringMs, stallMs: 0, problems: [] };
    }
    const { concerned, bar, holdMs, work } = applied;
    const must = answers.partitions.filter((partition) => !concerned.includes(partition));
    await Promise.all([clock.sleep(Math.max(holdMs, UNDER_WAY_MS)), work]);
    stillDuring = await answers.progress(must, { least: LEAST_ANSWERS, withinMs: bar.duringMs });
    stallDuringMs = meter.worstMs(must);
    await applied.heal();
  } catch (error) {
    errors.push(errorText(error));
  }
  await house.heal();
  const stillAfter = await answers.progress(answers.partitions, { least: LEAST_ANSWERS, withinMs: RECOVERY_MS });
  const stallMs = meter.worstMs(answers.partitions);
  meter.stop();
  const misses = missesOf({ stallDuringMs, stallMs, stillDuring, stillAfter }, applied?.bar ?? BARS.broker);
  const target = applied?.target ?? '';
  const problems = [...errors, ...misses].map((words) => `fault ${draw.number}, ${draw.kind} of ${target}: ${words}`);
  return { ...draw, target, atMs, stallDuringMs, stallMs, problems };
}
