// Simulate: one history of the whole house from one seed.
// Flow: seed → chance → processes, users and faults on a memory log under a virtual clock → faults end → drained → judged.
// Invariant: same seed and same prefix of faults, same history, byte for byte (its hash is part of the result): every call in its
//            order, and every byte that is on the log in the end.

import { createHash } from 'node:crypto';
import { memoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { memoryLog } from '../../shared/bus/memory/memory-log.ts';
import { decodeControl } from '../../shared/codec/control.ts';
import { errorText } from '../../shared/domain/errors.ts';
import { laneGroup, routerGroup } from '../../shared/domain/groups.ts';
import { LANES } from '../../shared/domain/route-plan.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { boundsOf, CALM_SCORE_MS, isCalm, OpenTransactions, TRANSACTION_MS } from './calm.ts';
import { Faults } from './faults.ts';
import { hashLog } from './history.ts';
import { type Judgement, judge } from './judge.ts';
import { Processes } from './processes.ts';
import { between, seeded } from './random.ts';
import { SimClock } from './sim-clock.ts';
import { SIM_ENDPOINT, Users } from './users.ts';

/** Virtual time in which things go wrong, ms. */
const FAULTS_MS = 14_000;
/** Virtual time that everything may take to be answered after that, ms. */
const DRAIN_MS = 180_000;
const DRAIN_POLL_MS = 500;
const TOPIC_POLL_MS = 100;
/** Virtual time for reading everything back, ms: reading takes next to none. */
const JUDGE_MS = 60_000;
/** Clients of the simulation itself: nothing goes wrong there. */
const SPARED: ReadonlySet<string> = new Set(['users', 'judge']);

export interface SimResult {
  readonly seed: number;
  readonly requests: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly counts: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
  /** Virtual time that passed, ms. */
  readonly virtualMs: number;
  /** Of the whole history. */
  readonly hash: string;
}

/** @param faultsMax only so many faults happen: a prefix of what the seed draws */
export async function simulate(seed: number, faultsMax = Number.POSITIVE_INFINITY): Promise<SimResult> {
  const clock = new SimClock();
  const calm = isCalm(seed);
  const faults = new Faults(seeded(4 * seed), clock, calm ? 0 : faultsMax);
  const hash = createHash('sha256');
  let sealed: string | null = null;
  const log = memoryLog({
    transactionTimeoutMs: TRANSACTION_MS,
    hooks: faults.hooks(SPARED, (what, context) => {
      if (sealed === null) hash.update(`${clock.elapsedMs} ${what} ${JSON.stringify(context)}\n`);
    }),
  });
  const topics = topicsOf('');
  const scoreMs = calm ? CALM_SCORE_MS : null;
  const processes = new Processes({ log, topics, clock, faults, scoreMs, random: seeded(4 * seed + 1) });
  faults.kill = (name) => processes.kill(name);
  const bus = memoryBus(log, { clock, name: 'users' });
  const users = new Users({ bus, topics, clock, faults, pilesUp: calm, random: seeded(4 * seed + 2) });
  const transactions = new OpenTransactions();
  const random = seeded(4 * seed + 3);

  await bus.admin.createTopics(topics.controlTopicSpecs());
  processes.startAll();
  if (calm) void transactions.watch(log, clock);
  const over = () => clock.elapsedMs >= FAULTS_MS;
  const loop = async (minMs: number, maxMs: number, step: () => void | Promise<void>) => {
    while (!over()) {
      await clock.sleep(between(random, minMs, maxMs));
      if (!over()) await step();
    }
  };
  void (async () => {
    await users.define();
    await users.rollOut(1, 'basic');
    // Producers begin when their topic is there.
    while (!log.hasTopic(topics.endpoint(SIM_ENDPOINT, 'predictions'))) await clock.sleep(TOPIC_POLL_MS);
    void loop(30, 300, () => users.send());
    void loop(300, 2_500, () => users.act());
    void loop(100, 600, () => users.label());
    void loop(200, 1_500, () => disturb());
  })();
  function disturb(): void {
    const name = processes.any();
    const [crash, zombie] = [faults.happens('crash', 0.15), faults.happens('zombie', 0.15)];
    if (crash) processes.kill(name);
    if (zombie) processes.stall(name);
    for (const group of log.groups.active()) if (faults.happens('rebalance', 0.15)) log.groups.rotate(group);
  }

  await clock.run(FAULTS_MS);
  faults.heal();
  processes.unstallAll();
  const drained = { yes: false };
  void drain().then(() => {
    drained.yes = true;
  });
  const ended = await clock.run(FAULTS_MS + DRAIN_MS, () => drained.yes);
  hashLog(log, hash);
  sealed = hash.digest('hex');
  const virtualMs = clock.elapsedMs;
  const judged = await judgement();
  const problems = [
    ...judged.problems,
    ...transactions.problems,
    ...(ended ? [] : [`not everything was answered ${DRAIN_MS / 1_000} s after the last fault`]),
  ];
  return {
    ...{ seed, problems, hash: sealed, requests: users.sent, virtualMs },
    faults: Object.fromEntries(faults.counts),
    counts: judged.totals.counts,
  };

  /** Until every request and every lane record is behind its group. */
  async function drain(): Promise<void> {
    for (;;) {
      await clock.sleep(DRAIN_POLL_MS);
      const places = [
        [routerGroup('', SIM_ENDPOINT), topics.endpoint(SIM_ENDPOINT, 'requests')] as const,
        ...LANES.map((lane) => [laneGroup('', SIM_ENDPOINT, lane), topics.lane(SIM_ENDPOINT, lane)] as const),
      ];
      if ((await routes()) && places.every(([group, topic]) => lagOf(group, topic) === 0)) break;
    }
    // Long enough for heartbeats, drains of lanes and the cuts of the plans that follow.
    await clock.sleep(10_000);
  }

  function lagOf(group: string, topic: string): number {
    if (!log.hasTopic(topic)) return Number.POSITIVE_INFINITY;
    const committed = (partition: number) => Math.max(0, log.groups.committed({ group, topic }, partition));
    return log.partitions(topic).reduce((sum, { partition, end }) => sum + Math.max(0, end - committed(partition)), 0);
  }

  /** Whether a plan routes. A first version that never became READY is rolled out again. */
  async function routes(): Promise<boolean> {
    let shares = 0;
    for await (const { records } of bus.read({ topic: topics.control('plans'), from: 'earliest', until: 'end' })) {
      for (const record of records) shares = record.value === null ? 0 : decodeControl('plan', record).shares.length;
    }
    if (shares === 0 && clock.elapsedMs % 10_000 < DRAIN_POLL_MS) await users.rollOut(1, 'basic');
    return shares > 0;
  }

  async function judgement(): Promise<Judgement> {
    const reader = memoryBus(log, { clock, name: 'judge' });
    let done: Judgement | null = null;
    let failure: unknown = null;
    judge(reader, topics, { sent: users.sent, nowMs: clock.nowMs(), bounds: boundsOf(seed) }).then(
      (found) => {
        done = found;
      },
      (error: unknown) => {
        failure = error;
      },
    );
    await clock.run(clock.elapsedMs + JUDGE_MS, () => done !== null || failure !== null);
    if (done === null) throw new RangeError(`seed ${seed} cannot be judged: ${errorText(failure)}`);
    return done;
  }
}
