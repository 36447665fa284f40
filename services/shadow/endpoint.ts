// Endpoint: the shadows of one endpoint in this worker: one group and one model process each, as the plans say.
// Flow: millrace.plans → [reconcile] → a run per (rollout, version); its reports → millrace.workers.
// Invariant: a run lives exactly as long as a plan names it; the next rollout of the same version is another run.

import type { Bus, GroupConsumer } from '../../shared/bus/bus.ts';
import type { Table } from '../../shared/control/table.ts';
import { aborted, type Clock } from '../../shared/domain/clock.ts';
import { shadowGroup } from '../../shared/domain/groups.ts';
import type { Delivery, RoutePlan } from '../../shared/domain/route-plan.ts';
import type { PlanShadow } from '../../shared/domain/shadow.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import type { ModelLauncher } from '../../shared/runtimes/model-process.ts';
import { Reports } from '../../shared/serving/reports.ts';
import { boundAlone, Versions } from '../../shared/serving/versions.ts';
import type { Log } from '../../shared/telemetry/logger.ts';
import { LiveLag } from './live-lag.ts';
import { shadowPartition } from './partition.ts';

/**
 * Time between two fetches while a shadow keeps up. Nobody waits for its outputs; fetches and transactions for each few requests
 * cost the brokers as much as the live road does, and made the live answers wait (docs/benchmarks.md).
 */
const FETCH_INTERVAL_MS = 1_000;

export interface ShadowDeps {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the lowest CPU priority: live traffic goes before. */
  readonly launcher: ModelLauncher;
  /** Unique per process start, and not that of a scorer in the same process. */
  readonly worker: string;
}

export class EndpointShadows {
  readonly #deps: ShadowDeps;
  readonly #endpoint: string;
  readonly #delivery: Delivery;
  readonly #plans: Table<RoutePlan>;
  readonly #versions: Versions;
  readonly #reports: Reports;
  readonly #runs = new Map<string, GroupConsumer>();
  readonly #ended = new AbortController();
  #liveLag: LiveLag | null = null;
  #following: Promise<void> = Promise.resolve();

  constructor(deps: ShadowDeps, plan: RoutePlan, plans: Table<RoutePlan>) {
    const { launcher, clock } = deps;
    const { endpoint, delivery } = plan;
    this.#deps = deps;
    this.#endpoint = endpoint;
    this.#delivery = delivery;
    this.#plans = plans;
    const onState = (process: Parameters<Reports['state']>[0]) => this.#reports.state(process);
    this.#versions = new Versions({ endpoint, launcher, clock, onState });
    this.#reports = new Reports({
      ...deps,
      role: 'shadow',
      endpoint,
      processes: () => this.#versions.processes(),
      owned: () => ({ blue: [], green: [] }),
    });
  }

  /** Resolves once the runs of the plan are joined. */
  async start(): Promise<void> {
    this.#reports.start();
    await this.#reconcile();
    this.#following = this.#follow();
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#following;
    await this.#end([...this.#runs.keys()]);
    await this.#liveLag?.stop();
    await this.#reports.stop();
    await this.#versions.stop();
    await this.#reports.last();
  }

  async #follow(): Promise<void> {
    const { log } = this.#deps;
    while (!this.#ended.signal.aborted) {
      const { changed } = this.#plans;
      try {
        await this.#reconcile();
      } catch (error) {
        log('endpoint-failed', { service: 'shadow', endpoint: this.#endpoint, error });
      }
      await aborted(changed, this.#ended.signal);
    }
  }

  async #reconcile(): Promise<void> {
    const plan = this.#plans.get(this.#endpoint);
    const rollout = plan?.rollout ?? '';
    const shadows = plan?.shadows ?? [];
    const wanted = new Map(shadows.map((shadow) => [`${rollout}/${shadow.version}`, shadow]));
    await this.#end([...this.#runs.keys()].filter((key) => !wanted.has(key)));
    const versions = shadows.map(({ version, digest }) => ({ version, digest }));
    await this.#versions.reconcile(boundAlone(rollout, versions));
    await this.#watchLiveLag(shadows);
    for (const [key, shadow] of wanted) {
      if (!this.#runs.has(key)) this.#runs.set(key, await this.#join(rollout, shadow));
    }
  }

  async #end(keys: readonly string[]): Promise<void> {
    const ended = keys.map((key) => this.#runs.get(key));
    for (const key of keys) this.#runs.delete(key);
    await Promise.all(ended.map((run) => run?.stop()));
  }

  async #watchLiveLag(shadows: readonly PlanShadow[]): Promise<void> {
    const needed = shadows.some(({ gate }) => gate.kind === 'low-lag');
    if (needed === (this.#liveLag !== null)) return;
    const endpoint = this.#endpoint;
    const onProblem = (error: unknown) => this.#deps.log('endpoint-failed', { service: 'shadow', endpoint, error });
    await this.#liveLag?.stop();
    this.#liveLag = needed ? new LiveLag({ ...this.#deps, endpoint, onProblem }) : null;
  }

  #join(rollout: string, shadow: PlanShadow): Promise<GroupConsumer> {
    const { bus, topics, log } = this.#deps;
    const endpoint = this.#endpoint;
    const { version, digest } = shadow;
    const context = {
      ...this.#deps,
      endpoint,
      rollout,
      shadow,
      model: { version, digest },
      delivery: this.#delivery,
      versions: this.#versions,
      liveLag: () => this.#liveLag?.records ?? null,
    };
    return bus.consume({
      group: shadowGroup(topics.prefix, endpoint, { rollout, version }),
      topic: topics.endpoint(endpoint, 'requests'),
      delivery: this.#delivery,
      fetchIntervalMs: FETCH_INTERVAL_MS,
      onPartition: (owned) => shadowPartition(context, owned),
      onError: (error, partition) => log('partition-failed', { service: 'shadow', endpoint, partition, error }),
      onAssigned: (partitions) => log('partitions-assigned', { service: 'shadow', endpoint, partitions }),
    });
  }
}
