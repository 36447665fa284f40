// Status: where an endpoint stands, from what the topics say: journal, plan, cuts, workers and offsets.
// Flow: commands/status.ts reads → [statusOf] → table, JSON or YAML.
// Invariant: pure; the shape of EndpointStatus is what `-o json` prints.

import type { RolloutPhase } from '../../../shared/domain/event.ts';
import { rolloutStatus } from '../../../shared/domain/event.ts';
import { LANES, type Lane, type ModelRef, type RoutePlan } from '../../../shared/domain/route-plan.ts';
import type { PlanShadow } from '../../../shared/domain/shadow.ts';
import { WORKER_EXPIRY_MS, type WorkerReport } from '../../../shared/domain/worker.ts';
import type { EndpointFacts } from './journal-fold.ts';

export interface StatusInput {
  readonly facts: EndpointFacts;
  /** The plan in force; null before the first rollout. */
  readonly plan: RoutePlan | null;
  /** Newest revision that each partition has a cut of; 0 for none. */
  readonly cutRevisions: readonly number[];
  /** All reports about the endpoint, live or not. */
  readonly workers: readonly WorkerReport[];
  readonly lag: Lags;
  readonly nowMs: number;
}

/** Records between what a group has committed and the end; null when the topic is not there. */
export interface Lags {
  readonly router: number | null;
  readonly lanes: Readonly<Record<Lane, number | null>>;
  /** By version of the plan's shadows. */
  readonly shadows: ReadonlyMap<number, number | null>;
}

export interface EndpointStatus {
  readonly endpoint: string;
  readonly status: string;
  readonly reason: string;
  readonly phase: RolloutPhase;
  readonly rollout: string | null;
  readonly strategy: string | null;
  /** Version that answers when nobody else does. */
  readonly incumbent: number | null;
  /** Version of the rollout that is under way; null when none is. */
  readonly candidate: number | null;
  /** Candidate's share of the traffic, basis points. */
  readonly weightBp: number | null;
  readonly plan: number | null;
  /** Partitions that have taken the plan. */
  readonly cuts: { readonly landed: number; readonly partitions: number };
  readonly delivery: string;
  readonly routerLag: number | null;
  readonly lanes: readonly LaneStatus[];
  readonly shadows: readonly ShadowStatus[];
  /** Why the endpoint cannot answer as it should; empty when it can. */
  readonly degraded: readonly string[];
  readonly lastEvent: { readonly type: string; readonly atMs: number; readonly message: string } | null;
}

/** Live workers by the state that they report of a version. */
type WorkerCounts = Readonly<Record<'READY' | 'LOADING' | 'FAILED', number>>;

/** A version that scores copies. */
export interface ShadowStatus {
  readonly version: number;
  /** Part of the requests, basis points. */
  readonly sampleBp: number;
  readonly gate: string;
  /** Whether it is the incumbent, scored a second time. */
  readonly baseline: boolean;
  readonly lag: number | null;
  readonly workers: WorkerCounts;
  readonly problems: readonly string[];
}

export interface LaneStatus {
  readonly lane: Lane;
  readonly role: 'incumbent' | 'candidate' | 'kept' | 'none';
  readonly version: number | null;
  readonly digest: string | null;
  readonly weightBp: number;
  readonly lag: number | null;
  readonly workers: WorkerCounts;
  /** What FAILED workers say, each once. */
  readonly problems: readonly string[];
}

export function statusOf(input: StatusInput): EndpointStatus {
  const { facts, plan, cutRevisions, lag } = input;
  const { partitions, delivery } = facts.settings;
  const lanes = LANES.map((lane) => laneStatus(lane, input));
  const degraded = degradedReasons(input, lanes);
  const { status, reason } = rolloutStatus(facts.phase);
  const candidate = underWay(facts.phase) ? (facts.rollout?.candidate.version ?? null) : null;
  return {
    endpoint: facts.endpoint,
    status: degraded.length === 0 ? status : 'Degraded',
    reason,
    phase: facts.phase,
    rollout: facts.rollout?.id ?? null,
    strategy: facts.rollout?.strategy ?? null,
    incumbent: modelIn(plan, plan?.incumbent ?? null)?.version ?? null,
    candidate,
    weightBp: candidate === null ? null : (lanes.find(({ lane }) => lane === facts.rollout?.lane)?.weightBp ?? 0),
    plan: plan?.revision ?? null,
    cuts: {
      // A plan that routes nothing makes no cut.
      landed: plan === null ? 0 : cutRevisions.filter((revision) => revision >= plan.revision).length,
      partitions: plan === null || plan.shares.length === 0 ? 0 : partitions,
    },
    delivery,
    routerLag: lag.router,
    lanes,
    shadows: (plan?.shadows ?? []).map((shadow) => shadowStatus(shadow, input)),
    degraded,
    lastEvent:
      facts.last === null ? null : { type: facts.last.type, atMs: facts.last.atMs, message: facts.last.message },
  };
}

/** Reports that are fresh enough to count. */
function liveReports({ workers, nowMs }: StatusInput): WorkerReport[] {
  return workers.filter((report) => report.state !== 'STOPPED' && nowMs - report.atMs <= WORKER_EXPIRY_MS);
}

function laneStatus(lane: Lane, input: StatusInput): LaneStatus {
  const { plan, lag } = input;
  const model = modelIn(plan, lane);
  return {
    lane,
    role: roleOf(lane, input),
    version: model?.version ?? null,
    digest: model?.digest ?? null,
    weightBp: plan?.shares.find((share) => share.lane === lane)?.weightBp ?? 0,
    lag: lag.lanes[lane],
    ...told(input, 'scorer', model),
  };
}

function shadowStatus({ version, digest, sampleBp, gate }: PlanShadow, input: StatusInput): ShadowStatus {
  const { plan, lag } = input;
  const baseline = modelIn(plan, plan?.incumbent ?? null)?.version === version;
  const model = { version, digest };
  const waiting = lag.shadows.get(version) ?? null;
  return { version, sampleBp, gate: gate.kind, baseline, lag: waiting, ...told(input, 'shadow', model) };
}

/** What live workers of a role say of a version. */
function told(
  input: StatusInput,
  role: WorkerReport['role'],
  model: ModelRef | null,
): Pick<LaneStatus, 'workers' | 'problems'> {
  const reports = liveReports(input).filter((report) => report.role === role && model !== null && isOf(report, model));
  const count = (state: WorkerReport['state']) => reports.filter((report) => report.state === state).length;
  const failed = reports.filter((report) => report.state === 'FAILED');
  return {
    workers: { READY: count('READY'), LOADING: count('LOADING'), FAILED: count('FAILED') },
    problems: [...new Set(failed.map((report) => report.problem))],
  };
}

function roleOf(lane: Lane, { plan, facts }: StatusInput): LaneStatus['role'] {
  if (modelIn(plan, lane) === null) return 'none';
  if (plan?.incumbent === lane) return 'incumbent';
  return underWay(facts.phase) && facts.rollout?.lane === lane ? 'candidate' : 'kept';
}

/** Reasons in words. Only what keeps the incumbent from answering counts: a candidate's requests are rescued. */
function degradedReasons(input: StatusInput, lanes: readonly LaneStatus[]): string[] {
  const incumbent = lanes.find(({ role }) => role === 'incumbent');
  if (incumbent === undefined) return [];
  const { lane, version, workers, problems } = incumbent;
  const reasons: string[] = [];
  if (workers.READY === 0) {
    const why =
      problems.length > 0 ? problems.join('; ') : workers.LOADING > 0 ? 'it is loading' : 'no worker reports it';
    reasons.push(`IncumbentNotReady: no live worker is READY for v${version}: ${why}`);
  }
  const owned = new Set(liveReports(input).flatMap((report) => report.owned[lane]));
  const { partitions } = input.facts.settings;
  const orphans = Array.from({ length: partitions }, (_, partition) => partition).filter((each) => !owned.has(each));
  if (orphans.length > 0)
    reasons.push(`LaneUnowned: partitions ${orphans.join(', ')} of lane ${lane} have no live owner`);
  return reasons;
}

/** Whether a rollout still moves, or waits for its user. */
function underWay(phase: RolloutPhase): boolean {
  switch (phase) {
    case 'loading':
    case 'ready':
    case 'serving':
    case 'promoted-draining':
    case 'aborted-draining':
      return true;
    case 'none':
    case 'promoted':
    case 'aborted':
    case 'failed':
      return false;
  }
}

function modelIn(plan: RoutePlan | null, lane: Lane | null): ModelRef | null {
  return plan === null || lane === null ? null : plan.lanes[lane];
}

function isOf(report: WorkerReport, model: ModelRef): boolean {
  return report.version === model.version && report.digest === model.digest;
}
