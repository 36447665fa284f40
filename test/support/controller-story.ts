// ControllerStory: drives the controller's pure core by words: define, roll out, ready, drained.
// Method: folds every decision and numbers the input records, as the service would.

import { decide } from '../../services/controller/core/decide.ts';
import { evolve } from '../../services/controller/core/evolve.ts';
import type { Input, PackageFacts } from '../../services/controller/core/input.ts';
import {
  type ControllerState,
  type DefinedEndpoint,
  definedEndpoint,
  emptyState,
} from '../../services/controller/core/state.ts';
import type { RolloutEvent } from '../../shared/domain/event.ts';
import type { Command, Verb } from '../../shared/domain/rollout.ts';
import type { RoutePlan } from '../../shared/domain/route-plan.ts';
import type { Signature } from '../../shared/domain/tensor.ts';
import type { WorkerReport } from '../../shared/domain/worker.ts';
import { parseRollout } from '../../shared/strategies/registry.ts';

export const ENDPOINT = 'digits';
export const PARTITIONS = 2;
export const SIGNATURE: Signature = {
  inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, 784] }],
  outputs: [{ name: 'scores', datatype: 'FP32', shape: [-1, 10] }],
};

/** The digest that every story gives to a version. */
export function digestOf(version: number): string {
  return String(version).padStart(64, '0');
}

/** A worker that owns all partitions of both lanes. */
export function report(version: number, state: WorkerReport['state'], atMs: number): WorkerReport {
  const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  return {
    worker: 'w1',
    endpoint: ENDPOINT,
    version,
    digest: digestOf(version),
    state,
    runtime: 'stub 1',
    problem: state === 'FAILED' ? 'GOLDEN_MISMATCH: sample 3' : '',
    role: 'scorer',
    owned: { blue: all, green: all },
    atMs,
  };
}

export class ControllerStory {
  state: ControllerState = emptyState;
  readonly journal: RolloutEvent[] = [];
  nowMs = 1_000;
  workers: readonly WorkerReport[] = [];
  #offset = 0;
  #key = 0;

  /** Decides, folds, and returns the new events. */
  give(input: Input): readonly RolloutEvent[] {
    this.nowMs += 1;
    const events = decide(this.state, input, { nowMs: this.nowMs, workers: this.workers });
    this.state = events.reduce(evolve, this.state);
    this.journal.push(...events);
    return events;
  }

  define(settings: object = {}, topicProblem: { code: string; message: string } | null = null) {
    const defaults = { endpoint: ENDPOINT, partitions: PARTITIONS, delivery: 'exactly-once', road: 'lanes' } as const;
    return this.give({
      type: 'endpoint',
      endpoint: ENDPOINT,
      consumed: { topic: 'endpoints', offset: this.#offset++ },
      settings: { ...defaults, ordering: 'per-key', ...settings },
      topicProblem,
    });
  }

  remove() {
    const consumed = { topic: 'endpoints', offset: this.#offset++ } as const;
    return this.give({ type: 'endpoint', endpoint: ENDPOINT, consumed, settings: null, topicProblem: null });
  }

  rollOut(candidate: number, strategy: string, more: { options?: object; facts?: PackageFacts } = {}) {
    const rollout = parseRollout({ endpoint: ENDPOINT, candidate, strategy, actor: 'ada', ...more.options });
    const facts = more.facts ?? { kind: 'found', digest: digestOf(candidate), signature: SIGNATURE, shadows: [] };
    const consumed = { topic: 'rollouts', offset: this.#offset++ } as const;
    return this.give({ type: 'rollout', endpoint: ENDPOINT, consumed, rollout, facts });
  }

  command(verb: Verb, more: { weightBp?: number; key?: string } = {}) {
    const idempotencyKey = more.key ?? `key-${this.#key++}`;
    const base = { endpoint: ENDPOINT, actor: 'ada', reason: 'why not', idempotencyKey };
    const command: Command =
      verb === 'set-weight' ? { ...base, verb, weightBp: more.weightBp ?? 0 } : { ...base, verb };
    const consumed = { topic: 'commands', offset: this.#offset++ } as const;
    return this.give({ type: 'command', endpoint: ENDPOINT, consumed, command });
  }

  /** Workers report this state for these versions, now. */
  report(state: WorkerReport['state'], ...versions: readonly number[]) {
    this.workers = versions.map((version) => report(version, state, this.nowMs + 1));
    return this.give({ type: 'workers', endpoint: ENDPOINT });
  }

  /** The draining lane, if any, ran empty. */
  drain() {
    const { rollout } = this.endpoint;
    const draining = rollout.phase === 'promoted-draining' || rollout.phase === 'aborted-draining' ? rollout : null;
    const revision = draining?.stopRevision ?? 0;
    return this.give({ type: 'lane-drained', endpoint: ENDPOINT, lane: draining?.draining ?? 'blue', revision });
  }

  /** Endpoint defined and version 1 promoted. */
  serveFirst() {
    this.define();
    this.rollOut(1, 'basic');
    this.report('READY', 1);
    return this;
  }

  get endpoint(): DefinedEndpoint {
    const found = definedEndpoint(this.state, ENDPOINT);
    if (found === null) throw new TypeError('the story has no endpoint');
    return found;
  }

  get plan(): RoutePlan {
    const { plan } = this.endpoint;
    if (plan === null) throw new TypeError('the story has no plan');
    return plan;
  }

  /** `blue v1 10000, …` of the plan in force. */
  get shares(): string {
    return this.plan.shares
      .map(({ lane, weightBp }) => `${lane} v${this.plan.lanes[lane]?.version} ${weightBp}`)
      .join(', ');
  }
}

/** Types of events, in order. */
export function types(events: readonly RolloutEvent[]): string {
  return events.map((event) => event.type).join(' ');
}
