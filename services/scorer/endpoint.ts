// Endpoint: everything a scorer does for one endpoint: its versions, both lanes' groups, its reports.
// Order at start: follow the plan and report → per lane: load what the plan sends there → join its group, so that no
// partition waits for a load that another worker has behind it.

import type { Bus, GroupConsumer } from '../../shared/bus/bus.ts';
import type { Table } from '../../shared/control/table.ts';
import { aborted, type Clock } from '../../shared/domain/clock.ts';
import { laneGroup } from '../../shared/domain/groups.ts';
import { type Delivery, LANES, type Lane, type ModelRef, type RoutePlan } from '../../shared/domain/route-plan.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import type { ModelLauncher } from '../../shared/runtimes/model-process.ts';
import { Reports } from '../../shared/serving/reports.ts';
import { boundBy, Versions } from '../../shared/serving/versions.ts';
import type { Log } from '../../shared/telemetry/logger.ts';
import { answerLane } from './lane.ts';

export interface ScorerDeps {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly log: Log;
  readonly launcher: ModelLauncher;
  /** Unique per process start; names this worker in reports and evidence. */
  readonly worker: string;
}

export class EndpointScorer {
  readonly #deps: ScorerDeps;
  readonly #endpoint: string;
  readonly #delivery: Delivery;
  readonly #plans: Table<RoutePlan>;
  readonly #versions: Versions;
  readonly #reports: Reports;
  readonly #consumers: GroupConsumer[] = [];
  readonly #owned: Record<Lane, readonly number[]> = { blue: [], green: [] };
  readonly #ended = new AbortController();
  #following: Promise<void> = Promise.resolve();

  constructor(deps: ScorerDeps, plan: RoutePlan, plans: Table<RoutePlan>) {
    this.#deps = deps;
    this.#endpoint = plan.endpoint;
    this.#delivery = plan.delivery;
    this.#plans = plans;
    this.#versions = new Versions({
      endpoint: plan.endpoint,
      launcher: deps.launcher,
      clock: deps.clock,
      onState: (process) => this.#reports.state(process),
    });
    this.#reports = new Reports({
      ...deps,
      role: 'scorer',
      endpoint: plan.endpoint,
      processes: () => this.#versions.processes(),
      owned: () => ({ blue: [...this.#owned.blue], green: [...this.#owned.green] }),
    });
  }

  /** Resolves once both lanes' groups are joined. @throws what joining throws; then nothing of it is left running */
  async start(): Promise<void> {
    this.#following = this.#followPlan();
    this.#reports.start();
    const joins = LANES.map((lane) => this.#joinOnceLoaded(lane));
    try {
      await Promise.all(joins);
    } catch (error) {
      this.#ended.abort();
      await Promise.allSettled(joins);
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#consumers.map((consumer) => consumer.stop()));
    this.#ended.abort();
    await this.#following;
    await this.#reports.stop();
    await this.#versions.stop();
    await this.#reports.last();
  }

  #plan(): RoutePlan | undefined {
    return this.#plans.get(this.#endpoint);
  }

  /**
   * Waits for a version only while the plan sends requests down its lane: a candidate that loads slowly, or hangs, holds
   * up neither the incumbent's lane nor, once it is aborted, its own, whose records must be rescued.
   */
  async #joinOnceLoaded(lane: Lane): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      const { changed } = this.#plans;
      const awaited = awaitedBy(this.#plan(), lane);
      if (awaited === null) break;
      const loaded = this.#versions.settled(awaited).then(() => true);
      if (await Promise.race([loaded, aborted(changed, signal)])) break;
    }
    if (!signal.aborted) this.#consumers.push(await this.#join(lane));
  }

  #join(lane: Lane): Promise<GroupConsumer> {
    const { bus, topics, log } = this.#deps;
    const endpoint = this.#endpoint;
    const context = { ...this.#deps, endpoint, versions: this.#versions, plan: () => this.#plan() };
    return bus.consume({
      group: laneGroup(topics.prefix, endpoint, lane),
      topic: topics.lane(endpoint, lane),
      delivery: this.#delivery,
      onPartition: (owned) => answerLane(context, owned),
      onError: (error, partition) => log('partition-failed', { service: 'scorer', endpoint, lane, partition, error }),
      onAssigned: (partitions) => {
        this.#owned[lane] = partitions;
        this.#reports.changed();
        log('partitions-assigned', { service: 'scorer', endpoint, lane, partitions });
      },
    });
  }

  async #followPlan(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      const { changed } = this.#plans;
      await this.#versions.reconcile(boundBy(this.#plan()));
      await aborted(changed, this.#ended.signal);
    }
  }
}

/** The version that answers what comes down `lane`: it has a share, or is the incumbent, which takes rescues. */
function awaitedBy(plan: RoutePlan | undefined, lane: Lane): ModelRef | null {
  const share = plan?.shares.find((one) => one.lane === lane)?.weightBp ?? 0;
  return plan !== undefined && (share > 0 || plan.incumbent === lane) ? plan.lanes[lane] : null;
}
