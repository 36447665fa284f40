// ControllerWorld: controllers on a memory broker, with users and a data plane played by the test.
// Method: everything goes over topics, encoded as in production; what the controller did is read back from its topics.

import { type RunningController, startController } from '../../services/controller/service.ts';
import type { LogHooks } from '../../shared/bus/memory/hooks.ts';
import type { MemoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { memoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { memoryLog } from '../../shared/bus/memory/memory-log.ts';
import { decodeControl, encodeControl } from '../../shared/codec/control.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import type { RolloutEvent } from '../../shared/domain/event.ts';
import { laneGroup } from '../../shared/domain/groups.ts';
import type { Bytes, InRecord } from '../../shared/domain/record.ts';
import { LANES, type Lane, type RoutePlan } from '../../shared/domain/route-plan.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { type WorkerReport, workerKey } from '../../shared/domain/worker.ts';
import { parseRollout } from '../../shared/strategies/registry.ts';
import { digestOf, ENDPOINT, PARTITIONS, report, SIGNATURE } from './controller-story.ts';
import { VirtualClock } from './virtual-clock.ts';

export class ControllerWorld {
  readonly clock = new VirtualClock();
  readonly topics = topicsOf('t.');
  readonly events: RolloutEvent[] = [];
  /** Every plan ever published; null for a tombstone. */
  readonly plans: (RoutePlan | null)[] = [];
  readonly #log;
  readonly #bus: MemoryBus;
  readonly #controllers: RunningController[] = [];
  #keys = 0;

  constructor(hooks: LogHooks = {}) {
    this.#log = memoryLog({ hooks });
    this.#bus = memoryBus(this.#log, { clock: this.clock, name: 'test' });
  }

  /** Starts a controller on a bus client of its own, and follows what controllers write. */
  async start(
    name = 'controller',
    spoil: (bus: MemoryBus) => void = () => {},
  ): Promise<{ readonly bus: MemoryBus; readonly stop: () => Promise<void> }> {
    const bus = memoryBus(this.#log, { clock: this.clock, name });
    spoil(bus);
    const { clock, topics } = this;
    const repository = { manifest: async (endpoint: string, version: number) => manifest(endpoint, version) };
    const controller = await this.#run(startController({ bus, clock, topics, repository, log: () => {} }));
    if (this.#controllers.length === 0) this.#follow();
    this.#controllers.push(controller);
    await this.clock.settle();
    return { bus, stop: () => this.#run(controller.stop()) };
  }

  async stop(): Promise<void> {
    await this.#run(Promise.all(this.#controllers.map((controller) => controller.stop())));
    await this.#run(this.#bus.close());
  }

  async define(settings: object = {}, key = ENDPOINT): Promise<void> {
    const defaults = { endpoint: ENDPOINT, partitions: PARTITIONS, delivery: 'exactly-once', road: 'lanes' } as const;
    await this.write('endpoints', encodeControl('endpoint', { ...defaults, ordering: 'per-key', ...settings }), key);
  }

  async rollOut(candidate: number, strategy: string): Promise<void> {
    await this.write('rollouts', encodeControl('rollout', parseRollout({ endpoint: ENDPOINT, candidate, strategy })));
  }

  async command(verb: 'promote' | 'abort', idempotencyKey = `key-${this.#keys++}`): Promise<void> {
    const command = { endpoint: ENDPOINT, verb, idempotencyKey, actor: 'ada', reason: '' } as const;
    await this.write('commands', encodeControl('command', command));
  }

  /** Workers report these versions READY (or another state), now. */
  async report(state: WorkerReport['state'], ...versions: readonly number[]): Promise<void> {
    for (const version of versions) {
      const told = report(version, state, this.clock.nowMs());
      await this.write('workers', encodeControl('worker', told), workerKey(told));
    }
  }

  /** Every partition's router cuts over to the newest plan. */
  async cut(): Promise<void> {
    const plan = this.plan;
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const value = encodeControl('cut', { partition, offset: 0, plan, atMs: this.clock.nowMs() });
      const key = new TextEncoder().encode(String(plan.revision));
      await this.#bus.write([{ topic: this.topics.endpoint(ENDPOINT, 'cuts'), partition, key, value, headers: [] }]);
    }
    await this.clock.settle();
  }

  /** Somebody writes to every partition of the cuts what is no cut. */
  async spoilCuts(): Promise<void> {
    const [key, value] = [new TextEncoder().encode('1'), new TextEncoder().encode('no cut')];
    const topic = this.topics.endpoint(ENDPOINT, 'cuts');
    for (let partition = 0; partition < PARTITIONS; partition++) {
      await this.#bus.write([{ topic, partition, key, value, headers: [] }]);
    }
  }

  /** A request in a lane that nobody has scored yet. */
  async queue(lane: Lane, partition = 0): Promise<void> {
    const topic = this.topics.lane(ENDPOINT, lane);
    await this.#bus.write([{ topic, partition, key: null, value: new Uint8Array(1), headers: [] }]);
  }

  /** Scorers that take what is in the lanes and commit. */
  async score(): Promise<void> {
    for (const lane of LANES) {
      await this.#bus.consume({
        group: laneGroup(this.topics.prefix, ENDPOINT, lane),
        topic: this.topics.lane(ENDPOINT, lane),
        delivery: 'exactly-once',
        onError: () => {},
        onPartition: async (owned) => {
          await owned.fence();
          let position = await owned.resume();
          while (!owned.lost.aborted) {
            const { nextOffset } = await owned.take({ maxRecords: 10, maxBytes: 1_000, maxWaitMs: 100 });
            if (nextOffset > position) await owned.commit({ outputs: [], nextOffset });
            position = nextOffset;
          }
        },
      });
    }
  }

  async write(kind: 'endpoints' | 'rollouts' | 'commands' | 'workers', value: Bytes | null, key = ENDPOINT) {
    const topic = this.topics.control(kind);
    await this.#bus.write([{ topic, partition: 0, key: new TextEncoder().encode(key), value, headers: [] }]);
    await this.clock.settle();
  }

  /** Endpoint defined and version 1 promoted. */
  async serveFirst(): Promise<void> {
    await this.define();
    await this.rollOut(1, 'basic');
    await this.report('READY', 1);
    await this.clock.until(() => this.shares === 'blue v1 10000');
  }

  /** The newest plan. */
  get plan(): RoutePlan {
    const plan = this.plans.at(-1);
    if (plan === null || plan === undefined) throw new TypeError('there is no plan');
    return plan;
  }

  get shares(): string {
    const plan = this.plans.at(-1) ?? null;
    if (plan === null) return 'no plan';
    return plan.shares.map(({ lane, weightBp }) => `${lane} v${plan.lanes[lane]?.version} ${weightBp}`).join(', ');
  }

  /** Types of all events, in order. */
  get story(): string {
    return this.events.map((event) => event.type).join(' ');
  }

  #follow(): void {
    void this.#read('events', (record) => this.events.push(decodeControl('event', record)));
    void this.#read('plans', (record) => this.plans.push(record.value === null ? null : decodeControl('plan', record)));
  }

  async #read(kind: 'events' | 'plans', each: (record: InRecord) => void): Promise<void> {
    const topic = this.topics.control(kind);
    for await (const batch of this.#bus.read({ topic, from: 'earliest', until: 'never' })) batch.records.forEach(each);
  }

  /** Lets time pass until `work` is done. */
  async #run<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const over = work.finally(() => {
      done = true;
    });
    await this.clock.until(() => done);
    return await over;
  }
}

function manifest(endpoint: string, version: number) {
  if (version > 8) throw new MillraceError('PACKAGE_MISSING', { endpoint, version });
  return { digest: digestOf(version), signature: SIGNATURE };
}
