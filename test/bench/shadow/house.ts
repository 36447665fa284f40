// House: the live road, a shadow service and a comparator, each a process, in one warm place for all that is compared.
// Why one: in a new house compilers are measured, in the broker too: two that were the same were up to a half apart.
// Reads as: open → per series: its shadow begins → requests at a steady rate → a backlog, worked off → its shadow ends → close.

import { demoPath } from '../../../demo/demo-path.ts';
import { type Operator, operatorOf } from '../../../demo/run/control.ts';
import type { Bus } from '../../../shared/bus/bus.ts';
import { MillraceError } from '../../../shared/domain/errors.ts';
import { comparatorGroup } from '../../../shared/domain/groups.ts';
import { type Topics, topicsOf } from '../../../shared/domain/topics.ts';
import { systemClock as clock } from '../../../shared/process/clock.ts';
import { fill, isDone, measureLatency, roadProgress, type Started, startVariant, type Throughput } from '../measure.ts';
import { PARTITIONS, recordMaker } from '../series.ts';
import { verifyOutputs } from '../verify.ts';
import { meter, type Pids, type ShadowSample, type Spent } from './cpu.ts';
import { measureFlood } from './flood.ts';
import { awaitOutputs } from './kept-up.ts';
import { type BesideService, startService } from './service.ts';

const ENDPOINT = 'digits';
const RATE_PER_SECOND = 200;
const PACED_SECONDS = 27;
/** Not counted: a shadow that has just begun loads its model, and new plans are read. */
const PACED_WARM_SECONDS = 2;
const SATURATED_RECORDS = 90_000;
/** A shadow that keeps up is so far behind at most. */
const KEEPS_UP_MS = 5_000;
/** Whoever was left behind by a flood has caught up so long after. */
const CATCHES_UP_MS = 120_000;
const POLL_MS = 250;
/** A hundredth of a core for a second. */
const PERCENT_MICROS = 1e4;
/** A perceptron of 128 hidden units; the live version is the softmax regression. */
const CANDIDATE = 4;

export interface BenchBroker {
  readonly bus: Bus;
  readonly brokers: readonly string[];
  /** Where it is a process of this machine. */
  readonly pid: number | null;
  readonly say: (line: string) => void;
}

export class ShadowHouse {
  readonly #bus: Bus;
  readonly #topics: Topics;
  readonly #started: Started;
  readonly #beside: readonly BesideService[];
  readonly #operator: Operator;
  readonly #pids: Pids;
  /** Requests so far. */
  #records = 0;

  private constructor({ bus, pid }: BenchBroker, topics: Topics, started: Started, beside: readonly BesideService[]) {
    this.#bus = bus;
    this.#topics = topics;
    this.#started = started;
    this.#beside = beside;
    const [shadow = null, comparator = null] = beside.map((service) => service.pid);
    this.#pids = { broker: pid, 'live road': started.child.pid ?? null, shadow, comparator };
    this.#operator = operatorOf({ bus, topics, clock, endpoint: ENDPOINT });
  }

  static async open(broker: BenchBroker): Promise<ShadowHouse> {
    const { bus, brokers } = broker;
    const name = `shadow-${process.pid}`;
    const prefix = `${name}-`;
    const topics = topicsOf(prefix);
    await bus.admin.createTopics([...topics.controlTopicSpecs(), ...topics.endpointTopicSpecs(ENDPOINT, PARTITIONS)]);
    const repository = demoPath('models');
    const beside = await Promise.all(
      (['shadow', 'comparator'] as const).map((service) => startService(service, { brokers, prefix, repository })),
    );
    const [input, output] = [topics.endpoint(ENDPOINT, 'requests'), topics.endpoint(ENDPOINT, 'predictions')];
    const road = {
      prefix,
      brokers,
      input,
      output,
      group: name,
      partitions: PARTITIONS,
      endpoint: ENDPOINT,
      repository,
    };
    const started = await startVariant('road', { ...road, delivery: 'exactly-once' });
    const house = new ShadowHouse(broker, topics, started, beside);
    await house.#operator.next(
      'the first version serves',
      (event) => event.type === 'plan-published' && event.plan.shares.length > 0,
    );
    started.go();
    return house;
  }

  /** @param sampleBp part of the requests that is shadowed meanwhile, basis points; 0: there is no shadow */
  async measure(sampleBp: number): Promise<Omit<ShadowSample, 'series' | 'repeat'>> {
    await this.#settled();
    const sinceMs = clock.nowMs();
    const rollout = sampleBp === 0 ? null : await this.#begin(sampleBp);
    const first = this.#records;
    const keptUp = async (withinMs: number) => {
      if (rollout === null) return;
      const shadowed = { topics: this.#topics, endpoint: ENDPOINT, rollout, sampleBp, sinceMs };
      await awaitOutputs(this.#bus, { ...shadowed, first, end: this.#records }, withinMs);
    };
    const make = recordMaker('digit JSON', this.#topics.endpoint(ENDPOINT, 'requests'));
    const pace = { rate: RATE_PER_SECOND, seconds: PACED_SECONDS, warmSeconds: PACED_WARM_SECONDS };
    const output = this.#topics.endpoint(ENDPOINT, 'predictions');
    const spent = meter(this.#pids);
    const latency = await measureLatency(this.#bus, { output, ...pace, first, record: make });
    const paced = spent(PACED_SECONDS * PERCENT_MICROS);
    this.#records += RATE_PER_SECOND * PACED_SECONDS;
    await keptUp(KEEPS_UP_MS);
    const { throughput, flood } = await this.#saturate(make);
    await keptUp(CATCHES_UP_MS);
    if (rollout !== null) await this.#end();
    return { latency, throughput, cost: { paced, flood } };
  }

  /** @throws ASSERTION unless every request was answered once */
  async verify(): Promise<void> {
    const series = { name: 'shadow', delivery: 'exactly-once' } as const;
    await verifyOutputs(this.#bus, { topics: this.#topics, endpoint: ENDPOINT, series, records: this.#records });
  }

  async close(): Promise<void> {
    await this.#operator.stop();
    await this.#started.stop();
    await Promise.all(this.#beside.map((service) => service.stop()));
  }

  /** Until the comparator has counted what the last flood left to it: that would be measured with whatever comes next. */
  async #settled(): Promise<void> {
    const topic = this.#topics.endpoint(ENDPOINT, 'predictions');
    const group = comparatorGroup(this.#topics.prefix, ENDPOINT);
    for (const untilMs = clock.nowMs() + CATCHES_UP_MS; clock.nowMs() < untilMs; ) {
      if (await isDone(this.#bus, [{ group, topic }])) return;
      await clock.sleep(POLL_MS);
    }
    throw new MillraceError('ASSERTION', { detail: `the comparator did not catch up within ${CATCHES_UP_MS} ms` });
  }

  async #begin(sampleBp: number): Promise<string> {
    await this.#operator.apply({ candidate: CANDIDATE, strategy: 'shadow', shadow: { sampleBp } });
    return (await this.#operator.next('the shadow is ready', (event) => event.type === 'candidate-ready')).rollout;
  }

  async #end(): Promise<void> {
    await this.#operator.command('abort', 'it was measured');
    await this.#operator.next('the shadow has ended', (event) => event.type === 'rollout-completed');
  }

  /** Everyone stands still until the backlog is there. */
  async #saturate(
    make: ReturnType<typeof recordMaker>,
  ): Promise<{ readonly throughput: Throughput; readonly flood: Spent }> {
    await this.#started.pause();
    for (const service of this.#beside) service.hold(true);
    const first = this.#records;
    await fill(this.#bus, SATURATED_RECORDS, (index) => make(first + index));
    this.#records += SATURATED_RECORDS;
    for (const service of this.#beside) service.hold(false);
    const progress = roadProgress(this.#topics, ENDPOINT);
    const output = this.#topics.endpoint(ENDPOINT, 'predictions');
    const spent = meter(this.#pids);
    const throughput = await measureFlood(this.#bus, this.#started, { records: SATURATED_RECORDS, progress, output });
    return { throughput, flood: spent(SATURATED_RECORDS) };
  }
}
