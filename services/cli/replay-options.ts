// ReplayOptions: what a replay scores, with which model, and what its outputs are held to.
// Flow: `shadow replay`, tests → [ReplayOptions] → replay-shadow.ts, replay-partition.ts.

import type { Bus } from '../../shared/bus/bus.ts';
import { DEFAULT_LIMITS } from '../../shared/comparing/limits.ts';
import type { Clock } from '../../shared/domain/clock.ts';
import { type ModelRef, WEIGHT_BP_ALL } from '../../shared/domain/route-plan.ts';
import type { PlanShadow } from '../../shared/domain/shadow.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import type { Versions } from '../../shared/serving/versions.ts';

export interface ReplayOptions {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly endpoint: string;
  readonly model: ModelRef;
  readonly versions: Versions;
  readonly clock: Clock;
  /** Requests from this time on, milliseconds since the epoch. */
  readonly fromMs: number;
  /** Part of them that is scored, basis points. */
  readonly sampleBp: number;
  readonly tolerances: PlanShadow['tolerances'];
  /** Requests of a partition that may follow before a label comes. Outcomes of twice as many are kept per partition. */
  readonly labelWindow: number;
  readonly signal: AbortSignal;
  /** Requests that are done, of so many. */
  readonly onProgress: (done: number, total: number) => void;
}

/** All that is on record, labels as late as a comparator takes them by default. */
export const REPLAY_DEFAULTS = {
  fromMs: 0,
  sampleBp: WEIGHT_BP_ALL,
  tolerances: [],
  labelWindow: DEFAULT_LIMITS.labelWindow,
} as const;
