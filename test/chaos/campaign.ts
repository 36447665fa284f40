// Campaign: the faults of a run. One after another, each to its recovery; or one process killed every few seconds.
// Flow: schedule.ts draws → fault.ts runs one, or [killEvery] does not wait for it.

import { systemClock as clock } from '../../shared/process/clock.ts';
import { type FaultRecord, runFault } from './fault.ts';
import { FAULTS } from './registry.ts';
import { type Draw, schedule } from './schedule.ts';
import type { World } from './world.ts';

export const KILL_EVERY_MS = 5_000;
/** Kills by weight: a broker needs a while to come back, and two of three must stand. */
const KILLS = [
  ...['kill-router', 'kill-scorer', 'kill-model', 'kill-controller'],
  ...['kill-router', 'kill-scorer', 'kill-model', 'kill-scorer', 'kill-router', 'kill-broker'],
  ...['kill-shadow', 'kill-comparator'],
];
const BROKER_REST_MS = 40_000;
/** Whatever is killed, all partitions go on within this. */
const STALL_MAX_MS = 60_000;

export interface CampaignOptions {
  readonly seed: number;
  /** Only these kinds; default all. */
  readonly kinds: readonly string[];
  readonly signal: AbortSignal;
  /** Told of each fault when it is over. */
  readonly onFault: (record: FaultRecord) => void;
}

export const ALL_KINDS = Object.keys(FAULTS);

/** What every run begins with, however short it is: each way to break a process, a broker, a message and the network. */
const FIRST = [
  ...['kill-scorer', 'pause-router', 'kill-model', 'pause-model', 'kill-controller', 'pause-scorer'],
  ...['swallow-EndTxn', 'delay-EndTxn', 'refuse-EndTxn', 'kill-broker', 'rebalance-storm', 'cut-connections'],
  ...['pause-broker', 'full-disk'],
];

/** Of `kinds`. */
export function firstOf(kinds: readonly string[]): readonly string[] {
  return FIRST.filter((kind) => kinds.includes(kind));
}

/** Faults one after another until `signal`, those that come first in any case; the one under way is brought to its end. */
export async function faultAfterFault(world: World, options: CampaignOptions): Promise<void> {
  const first = firstOf(options.kinds);
  for (const draw of schedule(options.seed, options.kinds, first)) {
    if (options.signal.aborted && draw.number > first.length) return;
    const apply = FAULTS[draw.kind];
    if (apply === undefined) throw new RangeError(`no fault is called ${draw.kind}`);
    options.onFault(await runFault({ house: world, clock }, draw, () => apply(world, draw)));
    await clock.sleep(draw.restMs, options.signal);
  }
}

/** One process killed every 5 s until `signal`; what died is replaced at once, and nobody waits for it. */
export async function killEvery(world: World, options: CampaignOptions): Promise<string[]> {
  const problems: string[] = [];
  const startMs = clock.nowMs();
  let brokerAtMs = Number.NEGATIVE_INFINITY;
  let healing: Promise<void> = Promise.resolve();
  for (const draw of schedule(options.seed, KILLS)) {
    const atMs = clock.nowMs();
    const kind = draw.kind === 'kill-broker' && atMs - brokerAtMs < BROKER_REST_MS ? 'kill-model' : draw.kind;
    if (kind === 'kill-broker') brokerAtMs = atMs;
    const meter = world.answers.meter();
    const target = await kill(world, { ...draw, kind });
    healing = healing
      .then(() => world.heal())
      .catch((error: unknown) => {
        problems.push(`kill ${draw.number}, ${kind} of ${target}: ${String(error)}`);
      });
    await clock.sleep(Math.max(0, startMs + draw.number * KILL_EVERY_MS - clock.nowMs()), options.signal);
    const stallMs = meter.worstMs(world.answers.partitions);
    meter.stop();
    if (stallMs > STALL_MAX_MS) problems.push(`kill ${draw.number}, ${kind}: a partition is silent for ${stallMs} ms`);
    options.onFault({ ...draw, kind, target, atMs, stallDuringMs: 0, stallMs, problems: [] });
    if (options.signal.aborted) break;
  }
  await healing;
  return problems;
}

async function kill(world: World, draw: Draw<string>): Promise<string> {
  const applied = await FAULTS[draw.kind]?.(world, draw);
  return applied?.target ?? '';
}
