// World: the whole house as processes on the cluster, and what faults and acts need to know of it.
// Flow: main → [World.start] → acts and faults hit its processes → `replace` → … → `stop`.
// Invariant: after `heal` as many of each service run as at the start, and none is stopped.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DIGITS_ENDPOINT } from '../../demo/data/digits.ts';
import { type Operator, operatorOf } from '../../demo/run/control.ts';
import type { StartOptions } from '../../shared/broker/running-broker.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import { kafkaBus } from '../../shared/bus/kafka/kafka-bus.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import { type Topics, topicsOf } from '../../shared/domain/topics.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { NewestTotals } from '../support/compared-counts.ts';
import { eventually } from '../support/eventually.ts';
import { modelProcesses, spawners } from '../support/model-processes.ts';
import { Fleet, type ServiceName, type ServiceProcess } from '../support/service-process.ts';
import { Answers } from './answers.ts';
import { Cluster } from './cluster.ts';
import { WATCHERS } from './meddling.ts';

export const PARTITIONS = 4;
export const SESSION_TIMEOUT_MS = 3_000;
const COPIES: Readonly<Record<ServiceName, number>> = { controller: 2, router: 2, scorer: 2, shadow: 2, comparator: 2 };
export const SERVICES = Object.keys(COPIES) as readonly ServiceName[];
const PREFIX = 'chaos-';
/** Processes that are killed while they start are replaced so often. */
const HEAL_ROUNDS_MAX = 5;
/** Until every partition of every group has its owner, on a busy machine. */
const SETTLE_MS = 45_000;
/**
 * Comparisons wait so long for partners and labels; the windows are in requests. Whoever takes a partition over reads a window of
 * its answers again: with the default ones, half an hour of this traffic, that takes minutes on full cores.
 */
const WINDOW_SECONDS = 200;
/** Requests per second in quiet: at full rate three brokers and the house fill two cores, and every figure is one of the queue. */
export const QUIET_RATE = 24;
/**
 * Unanswered requests of a partition in quiet: three seconds of its traffic. On slow cores an answer takes 1.3 s without a fault, and
 * all partitions must be there at the same moment; what a fault leaves behind is more. Whatever is measured then has bars of its own.
 */
const BEHIND_MAX = Math.ceil((3 * QUIET_RATE) / PARTITIONS);
/** So many answers later, in each partition, whatever waited is through. */
export const THROUGH = { least: 10, withinMs: 40_000 } as const;

export interface WorldOptions {
  readonly say: (line: string) => void;
  /** Requests per second that are to come. */
  readonly rate: number;
  /** What the brokers are started for. */
  readonly purpose: StartOptions['purpose'];
}

export class World {
  readonly cluster: Cluster;
  readonly fleet: Fleet;
  readonly bus: Bus;
  readonly topics: Topics = topicsOf(PREFIX);
  readonly answers = new Answers(PARTITIONS, clock);
  /** From the beginning: what a comparator takes off the record is gone once it is compacted. */
  readonly totals = new NewestTotals();
  readonly say: (line: string) => void;
  readonly #ended = new AbortController();
  #operator: Operator | null = null;

  private constructor(cluster: Cluster, { say, rate }: WorldOptions) {
    this.cluster = cluster;
    this.say = say;
    const { brokers } = cluster;
    const more = {
      MILLRACE_SESSION_TIMEOUT_MS: String(SESSION_TIMEOUT_MS),
      MILLRACE_TRANSACTION_TIMEOUT_MS: '2000',
      MILLRACE_HEARTBEAT_INTERVAL_MS: '300',
    };
    const window = String(Math.ceil((rate / PARTITIONS) * WINDOW_SECONDS));
    const only = { comparator: { MILLRACE_JOIN_WINDOW: window, MILLRACE_LABEL_WINDOW: window } };
    this.fleet = new Fleet({ brokers, prefix: PREFIX, more, only });
    this.bus = kafkaBus({ brokers, clientId: WATCHERS, clock, onNotice: () => undefined });
  }

  /** Starts everything and defines the endpoint. @throws what does not start */
  static async start(options: WorldOptions): Promise<World> {
    const { say, purpose } = options;
    const cluster = await Cluster.start(purpose, say);
    const world = new World(cluster, options);
    try {
      say('starting two of each service');
      await world.fleet.start('controller').ready();
      await world.heal();
      await world.operator.defineEndpoint({
        ...{ endpoint: DIGITS_ENDPOINT, partitions: PARTITIONS, delivery: 'exactly-once' },
        ...{ road: 'lanes', ordering: 'per-key' },
      });
      await world.operator.next('the endpoint is defined', (event) => event.type === 'endpoint-defined');
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  /** Reads the journal from its first use on: a controller that is ready has made it. */
  get operator(): Operator {
    const { bus, topics } = this;
    this.#operator ??= operatorOf({ bus, topics, clock, endpoint: DIGITS_ENDPOINT });
    return this.#operator;
  }

  /** Begins to read answers and totals. @returns what rejects when they cannot be read */
  async follow(): Promise<void> {
    const { signal } = this.#ended;
    const topic = (kind: 'predictions' | 'totals') => this.topics.endpoint(DIGITS_ENDPOINT, kind);
    await Promise.all([
      this.answers.follow(this.bus, topic('predictions'), signal),
      this.totals.follow(this.bus, topic('totals'), signal),
    ]);
  }

  of(service: ServiceName): readonly ServiceProcess[] {
    return this.fleet.running.filter((process) => process.service === service);
  }

  /** Partitions that the process last said it owns, of all lanes, or of the one. */
  owned(process: ServiceProcess, lane?: string): readonly number[] {
    const lanes = new Map<unknown, readonly number[]>();
    for (const line of process.of('partitions-assigned')) lanes.set(line.lane, line.partitions as readonly number[]);
    const own = lane === undefined ? [...lanes.values()] : [lanes.get(lane) ?? []];
    return [...new Set(own.flat())].sort((a, b) => a - b);
  }

  /** Process ids of the models that a scorer or a shadow runs now. */
  models(process: ServiceProcess): readonly number[] {
    return modelProcesses(process.pid);
  }

  /** Process ids of what starts its models. */
  spawners(process: ServiceProcess): readonly number[] {
    return spawners(process.pid);
  }

  /** As many of each service as there should be; the new ones are ready. @throws what a new one cannot start for */
  async heal(): Promise<void> {
    await this.cluster.heal();
    for (let round = 1; ; round++) {
      const started = SERVICES.flatMap((service) => this.#fillUp(service));
      const outcomes = await Promise.allSettled(started.map((process) => process.ready()));
      const failed = outcomes.flatMap((outcome, i) =>
        outcome.status === 'rejected' ? [{ reason: outcome.reason, killed: started[i]?.killed === true }] : [],
      );
      if (failed.length === 0) return;
      // The next fault may have hit one while it started; then it is replaced as well.
      const [own] = failed.filter(({ killed }) => round === HEAL_ROUNDS_MAX || !killed);
      if (own !== undefined) throw own.reason;
    }
  }

  #fillUp(service: ServiceName): ServiceProcess[] {
    const running = this.of(service);
    for (const process of running) process.kill('SIGCONT');
    return Array.from({ length: COPIES[service] - running.length }, () => this.fleet.start(service));
  }

  /** Waits until routers and scorers share all partitions evenly. @throws TIMED_OUT */
  async settled(): Promise<void> {
    const balanced = (service: ServiceName, lane?: string) => {
      const processes = this.of(service);
      const counts = processes.map((process) => this.owned(process, lane).length);
      return counts.every((count) => count === PARTITIONS / processes.length);
    };
    const all = () => balanced('router') && balanced('scorer', 'blue') && balanced('scorer', 'green');
    await eventually('every partition has its owner', all, { timeoutMs: SETTLE_MS });
  }

  /** Waits until the house is settled and does nothing but answer what comes. @throws TIMED_OUT */
  async quiet(): Promise<void> {
    await this.settled();
    const caughtUp = async () => {
      const requests = await this.requests();
      return requests.every((count, partition) => count - this.answers.of(partition) <= BEHIND_MAX);
    };
    await eventually('every request but the newest is answered', caughtUp, { timeoutMs: SETTLE_MS });
    const still = await this.answers.progress(this.answers.partitions, THROUGH);
    if (still.length > 0) throw new MillraceError('TIMED_OUT', { detail: `no answers in partitions ${still.join()}` });
  }

  /** Records of E.requests by partition: what must be answered, whatever the stream knows of them. */
  async requests(): Promise<readonly number[]> {
    const offsets = await this.bus.admin.offsets(this.topics.endpoint(DIGITS_ENDPOINT, 'requests'));
    return offsets.map(({ earliest, end }) => end - earliest);
  }

  /** Logs of services and brokers, for whoever looks into a failure. */
  async keep(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    for (const { name, lines, stray } of this.fleet.processes) {
      const text = [...lines.map((line) => JSON.stringify(line)), ...stray].join('\n');
      await writeFile(join(folder, `${name}.log`), `${text}\n`);
    }
    await this.cluster.keep(folder);
  }

  /** Ends all processes but the brokers. @returns the exit codes */
  stopHouse(): Promise<readonly (number | null)[]> {
    return this.fleet.stop();
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.fleet.stop();
    await this.#operator?.stop();
    await this.bus.close();
    await this.cluster.stop();
  }
}
