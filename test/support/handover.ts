// Handover: a router partition that changes its owner while the old one, a zombie, still has a commit in its hands.
// Story: the zombie has routed requests 0–3 by plan 1 and taken 4–5, to be routed by plan 2 from offset 4 on. Its
//        heartbeats stop, the successor gets the partition, and the zombie's commit arrives at a moment of the test's choice.
// Method: memory broker, one client per process, virtual clock; the verdict is read back from the topics alone.

import { routeRequest } from '../../services/router/core/route.ts';
import { routePartition } from '../../services/router/partition.ts';
import type { Bus, OwnedPartition } from '../../shared/bus/bus.ts';
import type { LogHooks } from '../../shared/bus/memory/hooks.ts';
import { memoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { memoryLog } from '../../shared/bus/memory/memory-log.ts';
import { decodeControl, encodeControl } from '../../shared/codec/control.ts';
import { aborted } from '../../shared/domain/clock.ts';
import { addCut, type Cut, cutAt } from '../../shared/domain/cut.ts';
import { assert, errorCode } from '../../shared/domain/errors.ts';
import { routerGroup } from '../../shared/domain/groups.ts';
import { HEADER, headerText } from '../../shared/domain/headers.ts';
import type { InRecord, OutRecord } from '../../shared/domain/record.ts';
import { type Delivery, LANES, type RoutePlan } from '../../shared/domain/route-plan.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import type { EventName } from '../../shared/telemetry/events.ts';
import type { Log } from '../../shared/telemetry/logger.ts';
import { bytesOf, canaryOf, cutOf, ENDPOINT, planOf, planTable } from './plans.ts';
import { VirtualClock } from './virtual-clock.ts';

const topics = topicsOf('');
const REQUESTS = topics.endpoint(ENDPOINT, 'requests');
const CUTS = topics.endpoint(ENDPOINT, 'cuts');
const GROUP = routerGroup('', ENDPOINT);

/** What happened to the requests, by offset. `cuts` is in disorder when two owners wrote them at once. */
export interface Verdict {
  readonly lost: readonly number[];
  readonly doubled: readonly number[];
  /** Routed by another plan than the cuts on record name. */
  readonly wrongPlan: readonly number[];
  readonly cuts: 'in order' | 'in disorder';
}

export const RIGHT: Verdict = { lost: [], doubled: [], wrongPlan: [], cuts: 'in order' };

/** What the successor is made of: the real thing, or one with a step left out. */
export interface Successor {
  readonly bus: Bus;
  readonly partition: (owned: OwnedPartition) => OwnedPartition;
}

/** One partition of `numbers.requests`, and routers on it. */
export class RouterWorld {
  readonly clock = new VirtualClock();
  readonly log;
  readonly bus;
  readonly problems: unknown[] = [];
  /** Every line of the routers' logs. */
  readonly told: { readonly event: EventName; readonly fields: object }[] = [];
  #sent = 0;

  constructor(hooks: LogHooks = {}) {
    this.log = memoryLog({ hooks });
    this.bus = this.client('test');
    for (const spec of topics.endpointTopicSpecs(ENDPOINT, 1)) this.log.createTopic(spec);
  }

  /** A process of its own. */
  client(name: string) {
    return memoryBus(this.log, { clock: this.clock, name });
  }

  async send(count: number): Promise<void> {
    const place = { topic: REQUESTS, partition: 0, headers: [] };
    const numbers = Array.from({ length: count }, () => this.#sent++);
    const records = numbers.map((n) => ({ ...place, key: bytesOf(`k${n}`), value: bytesOf(`request ${n}`) }));
    await this.bus.write(records);
  }

  /** Puts cuts on record, as an earlier owner did. */
  async record(...cuts: readonly Cut[]): Promise<void> {
    await this.bus.write(cuts.map(cutRecord));
  }

  /** Runs `routePartition` on a client of its own, or on a wrong `successor` built from it. */
  async route(
    plans: ReturnType<typeof planTable>,
    options: { readonly name?: string; readonly delivery?: Delivery; readonly as?: (bus: Bus) => Successor } = {},
  ) {
    const client = this.client(options.name ?? 'router');
    const delivery = options.delivery ?? 'exactly-once';
    const { bus, partition } = options.as?.(client) ?? { bus: client, partition: (owned: OwnedPartition) => owned };
    const log: Log = (event, fields) => void this.told.push({ event, fields });
    const deps = { bus, topics, clock: this.clock, log, endpoint: ENDPOINT, delivery, plans };
    await client.consume({
      group: GROUP,
      topic: REQUESTS,
      delivery,
      onPartition: (owned) => routePartition(deps, partition(owned)),
      onError: (error) => this.problems.push(error),
    });
    return client;
  }

  /** Lets time pass until the group has committed `offset`. */
  committed(offset: number): Promise<void> {
    return this.clock.until(() => this.log.groups.committed({ group: GROUP, topic: REQUESTS }, 0) === offset);
  }

  /** All records of a topic, committed ones only unless told otherwise. */
  read(topic: string, isolation: 'read_committed' | 'read_uncommitted' = 'read_committed'): readonly InRecord[] {
    const ample = { maxRecords: 10_000, maxBytes: 100_000_000 };
    return this.log.partition(topic, 0).fetch(0, { isolation, ...ample }).records;
  }

  /** Every record on the cuts topic as `revision@offset`, `revision gone` for a tombstone. */
  get cuts(): readonly string[] {
    return this.read(CUTS).map((record) => {
      const revision = new TextDecoder().decode(record.key ?? new Uint8Array());
      return record.value === null ? `${revision} gone` : `${revision}@${decodeControl('cut', record).offset}`;
    });
  }

  /** Every routed request as `offset by revision`, both lanes, in order of the lanes. */
  routed(isolation: 'read_committed' | 'read_uncommitted' = 'read_committed'): readonly string[] {
    const lanes = LANES.flatMap((lane) => this.read(topics.lane(ENDPOINT, lane), isolation));
    return lanes.map((record) => {
      const source = headerText(record.headers, HEADER.source) ?? '';
      return `${source.split('@')[1]} by ${headerText(record.headers, HEADER.plan)}`;
    });
  }

  verdict(): Verdict {
    const routed = this.routed().map((text) => text.split(' by ').map(Number) as [number, number]);
    const offsets = Array.from({ length: this.#sent }, (_, offset) => offset);
    const times = (offset: number) => routed.filter(([found]) => found === offset).length;
    const cuts = inOrder(this.read(CUTS).filter((record) => record.value !== null));
    const wrong = routed.filter(([offset, revision]) => cutAt(cuts ?? [], offset)?.plan.revision !== revision);
    return {
      lost: offsets.filter((offset) => times(offset) === 0),
      doubled: offsets.filter((offset) => times(offset) > 1),
      wrongPlan: cuts === null ? [] : wrong.map(([offset]) => offset),
      cuts: cuts === null ? 'in disorder' : 'in order',
    };
  }
}

/** The cuts that a compacted topic holds, or null when they contradict one another. */
function inOrder(records: readonly InRecord[]): readonly Cut[] | null {
  try {
    return records.map((record) => decodeControl('cut', record)).reduce<readonly Cut[]>(addCut, []);
  } catch (error) {
    assert(errorCode(error) === 'CUT_ORDER', String(error));
    return null;
  }
}

function cutRecord(cut: Cut): OutRecord {
  const key = bytesOf(String(cut.plan.revision));
  return { topic: CUTS, partition: cut.partition, key, value: encodeControl('cut', cut), headers: [] };
}

/** After this long no transaction is open any more, and the verdict sees everything. */
const TRANSACTIONS_END_MS = 10_000;

const FIRST = planOf(1);
/** What the zombie's last commit begins with. */
const SECOND = canaryOf(2, 10_000);

/** What became of the zombie's commit: the code with which it was refused, or `accepted`. */
export type ZombieCommit = () => Promise<string>;

export class Handover extends RouterWorld {
  /** Commits what the zombie holds; later calls only repeat what became of it. */
  zombieCommits: ZombieCommit = async () => 'not there yet';

  /** A zombie that holds cut 2 and the requests 4 and 5, and has lost its membership without knowing. */
  async prepare(): Promise<void> {
    await this.send(8);
    const zombie = this.client('zombie');
    let held: OwnedPartition | null = null;
    await zombie.consume({
      group: GROUP,
      topic: REQUESTS,
      delivery: 'exactly-once',
      onPartition: (owned) => {
        held = owned;
        return aborted(owned.lost);
      },
      onError: (error) => this.problems.push(error),
    });
    await this.clock.until(() => held !== null);
    const owned = held as OwnedPartition | null;
    assert(owned !== null, 'the zombie owns the partition first');
    await owned.fence();
    await owned.resume();
    const cuts = [cutOf(FIRST, 0), cutOf(SECOND, 4)];
    const batch = (of: { readonly records: readonly InRecord[] }) =>
      of.records.map((r) => routeRequest(topics, cuts, r));
    const first = await owned.take({ maxRecords: 4, maxBytes: 1_000_000, maxWaitMs: 0 });
    await owned.commit({ outputs: [...cuts.slice(0, 1).map(cutRecord), ...batch(first)], nextOffset: 4 });
    const second = await owned.take({ maxRecords: 2, maxBytes: 1_000_000, maxWaitMs: 0 });
    const work = { outputs: [...cuts.slice(1).map(cutRecord), ...batch(second)], nextOffset: 6 };
    let outcome: Promise<string> | null = null;
    this.zombieCommits = () => {
      outcome ??= owned.commit(work).then(() => 'accepted', errorCode);
      return outcome;
    };
    zombie.stall(true);
  }

  /**
   * The successor takes over and routes everything that is left, by `plan` unless a cut on record is newer.
   * @returns what the topics say afterwards
   */
  async takeOver(as: (bus: Bus) => Successor, plan: RoutePlan = FIRST, nextOffset = 8): Promise<Verdict> {
    await this.route(planTable(plan), { name: 'successor', as });
    await this.committed(nextOffset);
    await this.clock.advance(TRANSACTIONS_END_MS);
    return this.verdict();
  }

  /** Someone else's transaction that is open on the cuts topic, before whatever comes now; it will time out. */
  holdBackReaders(): void {
    const producer = this.log.transactions.fence({ transactionalId: 'someone', topic: CUTS, partition: 0 });
    this.log.transactions.begin(producer, this.clock.nowMs());
    this.log.append([cutRecord(cutOf(planOf(99), 0))], this.clock.nowMs(), producer);
  }

  /** Every batch of the cuts topic, as `bus` would give them now. */
  async cutBatches(bus: Bus) {
    const batches = [];
    for await (const batch of bus.read({ topic: CUTS, from: 'earliest', until: 'end' })) batches.push(batch);
    return batches;
  }

  /** Whether a read is one of the cuts. */
  readsCuts({ topic }: { readonly topic: string }): boolean {
    return topic === CUTS;
  }
}
