// Endpoint: everything a scorer does for one endpoint: its versions, both lanes' groups, its reports.
// Order at start: follow the plan and report → per lane: load what the plan sends there → join its group, so that no
// partition waits for a load that another worker has behind it.

import type { Bus, GroupConsumer } from '../../shared/bus/bus.ts';
import { encodeControl } from '../../shared/codec/control.ts';
import type { Table } from '../../shared/control/table.ts';
import { aborted, type Clock, sleepUnless } from '../../shared/domain/clock.ts';
import { laneGroup } from '../../shared/domain/groups.ts';
import { type Delivery, LANES, type Lane, type ModelRef, type RoutePlan } from '../../shared/domain/route-plan.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import { HEARTBEAT_INTERVAL_MS, type WorkerReport, workerKey } from '../../shared/domain/worker.ts';
import type { ModelLauncher, ModelProcess } from '../../shared/runtimes/model-process.ts';
import type { Log } from '../../shared/telemetry/logger.ts';
import { answerLane } from './lane.ts';
import { Versions } from './versions.ts';

const encoder = new TextEncoder();

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
  readonly #consumers: GroupConsumer[] = [];
  readonly #owned: Record<Lane, readonly number[]> = { blue: [], green: [] };
  readonly #ended = new AbortController();
  #loops: Promise<unknown> = Promise.resolve();
  #report = new AbortController();
  #reported: readonly string[] = [];

  constructor(deps: ScorerDeps, plan: RoutePlan, plans: Table<RoutePlan>) {
    this.#deps = deps;
    this.#endpoint = plan.endpoint;
    this.#delivery = plan.delivery;
    this.#plans = plans;
    this.#versions = new Versions({
      endpoint: plan.endpoint,
      launcher: deps.launcher,
      clock: deps.clock,
      onState: (process) => this.#onState(process),
    });
  }

  /** Resolves once both lanes' groups are joined. @throws what joining throws; then nothing of it is left running */
  async start(): Promise<void> {
    this.#loops = Promise.all([this.#followPlan(), this.#heartbeat()]);
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
    await this.#loops;
    await this.#versions.stop();
    await this.#writeReports();
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
        this.#report.abort();
        log('partitions-assigned', { service: 'scorer', endpoint, lane, partitions });
      },
    });
  }

  #onState(process: ModelProcess): void {
    this.#report.abort();
    this.#deps.log('model-state', {
      endpoint: this.#endpoint,
      version: process.ref.version,
      state: process.state,
      runtime: process.runtime,
      problem: process.problem,
    });
  }

  async #followPlan(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      const { changed } = this.#plans;
      await this.#versions.reconcile(this.#plan());
      await aborted(changed, this.#ended.signal);
    }
  }

  /** Reports on every change, and at each interval so that silence means death. */
  async #heartbeat(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      this.#report = new AbortController();
      await this.#writeReports();
      await sleepUnless(this.#deps.clock, HEARTBEAT_INTERVAL_MS, this.#report.signal, this.#ended.signal);
    }
  }

  async #writeReports(): Promise<void> {
    const { bus, topics, log } = this.#deps;
    const topic = topics.control('workers');
    const reports = this.#versions.processes().map((process) => this.#reportOf(process));
    const keys = reports.map(workerKey);
    const gone = this.#reported.filter((key) => !keys.includes(key));
    const records = [
      ...reports.map((report) => ({ key: workerKey(report), value: encodeControl('worker', report) })),
      ...gone.map((key) => ({ key, value: null })),
    ];
    if (records.length === 0) return;
    try {
      await bus.write(
        records.map(({ key, value }) => ({ topic, partition: 0, key: encoder.encode(key), value, headers: [] })),
      );
      this.#reported = keys;
    } catch (error) {
      // The next heartbeat says it again; until then the controller sees this worker age.
      log('report-failed', { endpoint: this.#endpoint, error });
    }
  }

  #reportOf(process: ModelProcess): WorkerReport {
    return {
      worker: this.#deps.worker,
      endpoint: this.#endpoint,
      version: process.ref.version,
      digest: process.ref.digest,
      state: process.state,
      runtime: process.runtime,
      problem: process.problem,
      owned: { blue: [...this.#owned.blue], green: [...this.#owned.green] },
      atMs: this.#deps.clock.nowMs(),
    };
  }
}

/** The version that answers what comes down `lane`: it has a share, or is the incumbent, which takes rescues. */
function awaitedBy(plan: RoutePlan | undefined, lane: Lane): ModelRef | null {
  const share = plan?.shares.find((one) => one.lane === lane)?.weightBp ?? 0;
  return plan !== undefined && (share > 0 || plan.incumbent === lane) ? plan.lanes[lane] : null;
}
