// Compile: the route plan that an endpoint's state means.
// Flow: decide → events → state → compile → plan-published, whenever the plan's meaning changed.
// Invariant: a function of the state alone; shares sum to 10000 or there are none; a candidate comes first, so that a
//            growing share only adds keys; the strategy's word on the share is in the state already (`weightBp`).

import { assert } from '../../../shared/domain/errors.ts';
import {
  type ModelRef,
  otherLane,
  planProblem,
  type RoutePlan,
  type Share,
  WEIGHT_BP_ALL,
} from '../../../shared/domain/route-plan.ts';
import type { PlanShadow } from '../../../shared/domain/shadow.ts';
import type { DefinedEndpoint } from './state.ts';

/** Worker receipts that one plan names at most (routePlanSchema). */
const EVIDENCE_MAX = 1024;

/**
 * The plan for `state`, or null when the one in force says the same, or when there never was a rollout.
 * @param evidence receipts behind the shift of traffic that this plan makes; empty when it makes none
 */
export function compile(state: DefinedEndpoint, evidence: readonly string[]): RoutePlan | null {
  const { rollout, plan } = state;
  if (rollout.phase === 'none') return null;
  const next: RoutePlan = {
    endpoint: state.settings.endpoint,
    delivery: state.settings.delivery,
    revision: state.revision + 1,
    rollout: rollout.id,
    lanes: state.lanes,
    incumbent: state.incumbent,
    shares: sharesOf(state),
    revoked: state.revoked,
    shadows: shadowsOf(state),
    evidence: evidence.slice(0, EVIDENCE_MAX),
  };
  const problem = planProblem(next);
  assert(problem === null, `plan ${next.revision} of ${next.endpoint}: ${problem}`);
  return plan !== null && meaning(plan) === meaning(next) ? null : next;
}

function sharesOf(state: DefinedEndpoint): Share[] {
  const { incumbent, rollout, lanes } = state;
  if (incumbent === null) return [];
  const other = otherLane(incumbent);
  const weightBp = rollout.phase === 'serving' ? rollout.weightBp : 0;
  const rest: Share = { lane: incumbent, weightBp: WEIGHT_BP_ALL - weightBp };
  return lanes[other] === null ? [rest] : [{ lane: other, weightBp }, rest];
}

/** Copies are scored while the rollout is under way: afterwards there is nothing to decide. */
function shadowsOf({ rollout }: DefinedEndpoint): readonly PlanShadow[] {
  const underWay = rollout.phase === 'loading' || rollout.phase === 'ready' || rollout.phase === 'serving';
  return underWay ? rollout.shadows : [];
}

/** What the data plane would do by it: everything but revision and evidence, in an order that no codec can change. */
function meaning(plan: RoutePlan): string {
  const { rollout, lanes, incumbent, shares, revoked, shadows } = plan;
  const weights = shares.map((share) => `${share.lane}=${share.weightBp}`);
  const models = [lanes.blue, lanes.green, ...revoked].map((model) => (model === null ? '-' : formatModel(model)));
  // A rollout's shadows are all there, or none of them.
  return [rollout, incumbent ?? '-', ...models, ...weights, shadows.length].join(' ');
}

function formatModel(model: ModelRef): string {
  return `${model.version}:${model.digest}`;
}
