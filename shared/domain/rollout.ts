// Rollout and command: what users write to change the model under the stream.
// Flow: users → millrace.rollouts, millrace.commands → controller.
// The strategy's own options live under a key of its name and are checked by the strategy (shared/strategies).

import { z } from 'zod';
import { endpointNameSchema } from './endpoint.ts';
import { WEIGHT_BP_ALL } from './route-plan.ts';
import { extraShadowSchema } from './shadow.ts';

export const weightBpSchema = z.int().min(0).max(WEIGHT_BP_ALL);

/** Verbs of `millrace.commands`. */
export const VERBS = ['promote', 'abort', 'set-weight'] as const;
export type Verb = (typeof VERBS)[number];

const who = {
  /** Who asks, for the audit trail. */
  actor: z.string().min(1).max(256).default('unknown'),
  reason: z.string().max(1024).default(''),
};

export const commandSchema = z.discriminatedUnion('verb', [
  z.strictObject({
    endpoint: endpointNameSchema,
    verb: z.literal('promote'),
    idempotencyKey: z.string().min(1).max(128),
    ...who,
  }),
  z.strictObject({
    endpoint: endpointNameSchema,
    verb: z.literal('abort'),
    idempotencyKey: z.string().min(1).max(128),
    ...who,
  }),
  z.strictObject({
    endpoint: endpointNameSchema,
    verb: z.literal('set-weight'),
    weightBp: weightBpSchema,
    idempotencyKey: z.string().min(1).max(128),
    ...who,
  }),
]);
export type Command = Readonly<z.infer<typeof commandSchema>>;

/** With the candidate of the strategy and a noise baseline, a plan holds them (SHADOWS_MAX). */
const EXTRA_SHADOWS_MAX = 8;

/** The fields that every rollout has, whatever its strategy. `shared/strategies` adds the strategy's own. */
export const rolloutBaseSchema = z.strictObject({
  endpoint: endpointNameSchema,
  /** Version to bring in: an integer, a folder of the endpoint in the model repository. */
  candidate: z.int().min(1),
  /** Other versions that score copies while the rollout is under way, whatever its strategy. */
  shadows: z.array(extraShadowSchema).max(EXTRA_SHADOWS_MAX).readonly().optional(),
  ...who,
});
export type RolloutBase = Readonly<z.infer<typeof rolloutBaseSchema>>;
