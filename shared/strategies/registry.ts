// Registry: every strategy, one line each; the schema of a rollout, its parser and the CLI's help derive from it.
// Flow: a record on millrace.rollouts → parseRollout → controller; a file → parseRollout → CLI.
// Invariant: an unknown strategy or key is refused by name, never defaulted.

import { type ZodType, z } from 'zod';
import { MillraceError } from '../domain/errors.ts';
import { type RolloutBase, rolloutBaseSchema } from '../domain/rollout.ts';
import type { ShadowOptions } from '../domain/shadow.ts';
import { basic } from './basic.ts';
import { blueGreen } from './blue-green.ts';
import { canary } from './canary.ts';
import { shadow } from './shadow.ts';
import type { Strategy } from './strategy.ts';

/** A strategy with its options' type forgotten: what help, docs and the controller see. */
export interface StrategyEntry extends Pick<Strategy, 'name' | 'summary' | 'optionsKey' | 'options'> {
  /** Strict schema of a rollout of this strategy. */
  readonly schema: ZodType<Rollout>;
  readonly choose: (rollout: Rollout) => ChosenStrategy;
}

/** A strategy with the options of one rollout filled in. */
export interface ChosenStrategy extends Pick<Strategy, 'name' | 'allowsSetWeight' | 'keepsIncumbent'> {
  readonly promotesWhenReady: boolean;
  /** How the candidate shadows; null when it does not. */
  readonly shadow: ShadowOptions | null;
  /** Candidate's share once it is ready, 0..10000; `weightBp` as set by command, else null. */
  readonly candidateShareBp: (weightBp: number | null) => number;
}

/** A rollout as users write it: the base, the strategy's name, and its options under `optionsKey`. */
export type Rollout = RolloutBase & { readonly strategy: string; readonly [options: string]: unknown };

export const STRATEGIES: readonly StrategyEntry[] = [
  entry(basic), //
  entry(blueGreen),
  entry(canary),
  entry(shadow),
];

/** Any rollout, discriminated by `strategy`. `parseRollout` gives better errors. */
export const rolloutSchema: ZodType<Rollout> = z.union(STRATEGIES.map((strategy) => strategy.schema));

/** Issues that one SPEC_INVALID names at most. */
const ISSUES_SHOWN_MAX = 8;

/**
 * A rollout from outside, checked; defaults filled in.
 * @throws STRATEGY_UNKNOWN naming the known ones; SPEC_INVALID with path and rule of every key that is wrong or unknown.
 */
export function parseRollout(value: unknown): Rollout {
  const named = z.object({ strategy: z.string() }).safeParse(value);
  if (!named.success) throw specInvalid(named.error);
  const parsed = strategyOf(named.data.strategy).schema.safeParse(value);
  if (!parsed.success) throw specInvalid(parsed.error);
  return parsed.data;
}

/** @throws STRATEGY_UNKNOWN */
export function strategyOf(name: string): StrategyEntry {
  const found = STRATEGIES.find((strategy) => strategy.name === name);
  if (found !== undefined) return found;
  throw new MillraceError('STRATEGY_UNKNOWN', {
    strategy: name,
    known: STRATEGIES.map((strategy) => strategy.name).join(', '),
  });
}

/** The strategy of a parsed rollout, its options filled in. @throws STRATEGY_UNKNOWN */
export function chooseStrategy(rollout: Rollout): ChosenStrategy {
  return strategyOf(rollout.strategy).choose(rollout);
}

function entry<Options>(strategy: Strategy<Options>): StrategyEntry {
  const { name, summary, optionsKey, options, allowsSetWeight, keepsIncumbent } = strategy;
  const own = optionsKey === null ? {} : { [optionsKey]: options };
  return {
    name,
    summary,
    optionsKey,
    options,
    schema: rolloutBaseSchema.extend({ strategy: z.literal(name), ...own }),
    choose: (rollout) => {
      const chosen = options.parse(optionsKey === null ? {} : rollout[optionsKey]);
      return {
        name,
        allowsSetWeight,
        keepsIncumbent,
        promotesWhenReady: strategy.promotesWhenReady(chosen),
        shadow: strategy.shadow?.(chosen) ?? null,
        candidateShareBp: (weightBp) => strategy.candidateShareBp({ options: chosen, ready: true, weightBp }),
      };
    },
  };
}

function specInvalid(error: z.ZodError): MillraceError {
  const shown = error.issues.slice(0, ISSUES_SHOWN_MAX);
  const detail = shown.map((issue) => `${issue.path.join('.') || 'record'}: ${issue.message}`).join('; ');
  return new MillraceError('SPEC_INVALID', { place: 'rollout', detail });
}
