// Fault: one kind of trouble, from its beginning to the recovery; and what must go on meanwhile.
// Flow: schedule draws → [runFault]: apply → progress while it lasts → heal → progress everywhere → record.
// Invariant: every wait is bounded and its end is judged: a partition that stands still is named.

import { systemClock as clock } from '../../shared/process/clock.ts';
import type { Draw } from './schedule.ts';
import type { World } from './world.ts';

/** Session timeout, a rebalance, fences, and a machine with other work to do. */
const DURING_MS = 25_000;
const RECOVERY_MS = 45_000;
/** Answers that count as progress, per partition. */
const LEAST_ANSWERS = 3;

/** What goes on while a fault lasts: everything (others take over), what it does not concern, or nothing surely. */
export type Requirement = 'all' | 'others' | 'none';

export interface Applied {
  readonly target: string;
  /** Partitions that it hits. */
  readonly concerned: readonly number[];
  readonly during: Requirement;
  /** How long it lasts at least; 0 for what is over at once. */
  readonly holdMs: number;
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

export async function runFault(world: World, draw: Draw<string>, apply: Apply): Promise<FaultRecord> {
  const { answers } = world;
  const atMs = clock.nowMs();
  const meter = answers.meter();
  const problems: string[] = [];
  let [target, stallDuringMs] = ['', 0];
  try {
    const applied = await apply(world, draw);
    if (applied === null) return { ...draw, target, atMs, stallDuringMs, stallMs: 0, problems };
    target = applied.target;
    const must = requiredOf(applied, answers.partitions);
    const hold = clock.sleep(applied.holdMs);
    // What is taken over counts once it was: before that, answers are those that were under way.
    if (applied.during === 'all') await hold;
    const want = { least: LEAST_ANSWERS, withinMs: DURING_MS };
    const still = await answers.progress(must, want);
    stallDuringMs = meter.worstMs(must);
    if (still.length > 0) problems.push(`${nameOf(draw, target)}: no progress during it in partitions ${still.join()}`);
    await hold;
    await applied.heal();
  } catch (error) {
    problems.push(`${nameOf(draw, target)}: ${error instanceof Error ? error.message : String(error)}`);
  }
  await world.heal();
  const still = await answers.progress(answers.partitions, { least: LEAST_ANSWERS, withinMs: RECOVERY_MS });
  if (still.length > 0) problems.push(`${nameOf(draw, target)}: no recovery of partitions ${still.join()}`);
  const stallMs = meter.worstMs(answers.partitions);
  meter.stop();
  return { ...draw, target, atMs, stallDuringMs, stallMs, problems };
}

function requiredOf({ during, concerned }: Applied, all: readonly number[]): readonly number[] {
  if (during === 'none') return [];
  return during === 'all' ? all : all.filter((partition) => !concerned.includes(partition));
}

function nameOf(draw: Draw<string>, target: string): string {
  return `fault ${draw.number}, ${draw.kind} of ${target}`;
}
