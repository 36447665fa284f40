// Strategy: how a rollout moves traffic, as data. It compiles to a candidate's share; the controller does the rest.
// A new strategy is one file here and one line in `registry.ts`; CLI help, validation and contract tests follow.
// Invariant: pure. Nobody downstream of the plan asks which strategy made it.

import type { ZodType } from 'zod';
import type { ShadowOptions } from '../domain/shadow.ts';

/** Where a rollout stands, as far as a strategy needs to know. */
export interface StrategyView<Options> {
  readonly options: Options;
  /** Every live owner of the candidate's lane is READY. */
  readonly ready: boolean;
  /** Weight set by command, basis points; null until someone sets one. */
  readonly weightBp: number | null;
}

export interface Strategy<Options = unknown> {
  readonly name: string;
  /** One sentence for help and docs. */
  readonly summary: string;
  /** Key of the strategy's own options in a rollout: a name that Avro takes (`blueGreen`). Null when it has none. */
  readonly optionsKey: string | null;
  /** The strategy's own options. Defaults make the key optional. */
  readonly options: ZodType<Options>;
  /** Candidate's share now, 0..10000; only asked when ready. */
  candidateShareBp(view: StrategyView<Options>): number;
  /** Ready alone completes the rollout (basic), or a `promote` command does. */
  readonly promotesWhenReady: (options: Options) => boolean;
  readonly allowsSetWeight: boolean;
  /** How the candidate scores copies of requests that it does not answer; absent: it scores none. */
  readonly shadow?: (options: Options) => ShadowOptions;
  /** Keeps the old version bound and warm after promotion, so that `abort` switches back at once. */
  readonly keepsIncumbent: boolean;
}
