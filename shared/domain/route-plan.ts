// RoutePlan: the data that a strategy compiles to, and that router, scorer and shadow obey.
// Terms: lane = a colour with its topic and group; share = a lane's part of the traffic in basis points;
//        incumbent/candidate = the two roles of a rollout; revoked = versions whose queued records are rescued.
// Flow: controller → millrace.plans → data plane. Readers never ask which strategy made it.
// Invariant: shares sum to 10000 (or there are none: nothing routes yet), only bound lanes have a share.

import { z } from 'zod';
import { MillraceError } from './errors.ts';
import { planShadowSchema, SHADOWS_MAX } from './shadow.ts';

/** `exactly-once` (default) or `at-least-once`. */
export const DELIVERIES = ['exactly-once', 'at-least-once'] as const;
export type Delivery = (typeof DELIVERIES)[number];

export const LANES = ['blue', 'green'] as const;
export type Lane = (typeof LANES)[number];

/** All of the traffic, in basis points. Weights are integers, 0..10000. */
export const WEIGHT_BP_ALL = 10_000;

/** The colour that is not `lane`. */
export function otherLane(lane: Lane): Lane {
  return lane === 'blue' ? 'green' : 'blue';
}

/** A model version named beyond doubt: integer version and the sha256 digest (hex) of its package. */
export const modelRefSchema = z.strictObject({
  version: z.int().min(1),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
});
export type ModelRef = Readonly<z.infer<typeof modelRefSchema>>;

export function sameModel(a: ModelRef, b: ModelRef): boolean {
  return a.version === b.version && a.digest === b.digest;
}

const shareSchema = z.strictObject({ lane: z.enum(LANES), weightBp: z.int().min(0).max(WEIGHT_BP_ALL) });
export type Share = Readonly<z.infer<typeof shareSchema>>;

export const routePlanSchema = z.strictObject({
  endpoint: z.string(),
  /** How answers are committed: a setting of the endpoint, carried here so that the data plane reads plans alone. */
  delivery: z.enum(DELIVERIES),
  /** Grows by at least one with every plan of the endpoint; from 1. */
  revision: z.int().min(1),
  /** Rollout that this plan serves; part of the bucket hash's salt, so that each rollout draws other keys. */
  rollout: z.string(),
  /** What each lane is bound to. A lane is bound again only when it is drained. */
  lanes: z.strictObject({ blue: modelRefSchema.nullable(), green: modelRefSchema.nullable() }),
  /** Lane of the incumbent: where rescues go. Null until an endpoint's first rollout is promoted. */
  incumbent: z.enum(LANES).nullable(),
  /** In order, candidate first, so that a growing candidate share only adds keys. */
  shares: z.array(shareSchema).max(LANES.length).readonly(),
  /** Versions that must answer nothing any more: what is still queued for them is rescued. */
  revoked: z.array(modelRefSchema).max(16).readonly(),
  /** Shadow candidates: scored, never answering. */
  shadows: z.array(planShadowSchema).max(SHADOWS_MAX).readonly(),
  /** Worker receipts `worker:lane:partition,…` that made the controller shift traffic. */
  evidence: z.array(z.string()).max(1024).readonly(),
});
export type RoutePlan = Readonly<z.infer<typeof routePlanSchema>>;

/**
 * A plan that came from outside, checked in shape and meaning.
 * @throws PLAN_INVALID with the path and the rule that it breaks.
 */
export function parseRoutePlan(value: unknown): RoutePlan {
  const parsed = routePlanSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new MillraceError('PLAN_INVALID', { detail: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}` });
  }
  const problem = planProblem(parsed.data);
  if (problem !== null) throw new MillraceError('PLAN_INVALID', { detail: problem });
  return parsed.data;
}

/** The rule that `plan` breaks, in words, or null. */
export function planProblem(plan: RoutePlan): string | null {
  if (plan.shares.length === 0) return null;
  const sum = plan.shares.reduce((total, share) => total + share.weightBp, 0);
  if (sum !== WEIGHT_BP_ALL) return `shares sum to ${sum}, not ${WEIGHT_BP_ALL}`;
  if (new Set(plan.shares.map((share) => share.lane)).size !== plan.shares.length) return 'a lane has two shares';
  const unbound = plan.shares.find((share) => share.weightBp > 0 && plan.lanes[share.lane] === null);
  return unbound === undefined ? null : `lane ${unbound.lane} has a share but no version`;
}

/** Lane that a bucket (0..9999) falls into, by cumulative share; null while the plan routes nothing. */
export function laneOf(plan: RoutePlan, bucket: number): Lane | null {
  let upper = 0;
  for (const share of plan.shares) {
    upper += share.weightBp;
    if (bucket < upper) return share.lane;
  }
  return null;
}
