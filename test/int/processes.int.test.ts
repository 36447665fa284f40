// Goal: the road as people run it survives what happens to processes: a blue/green switch under load while routers and
//       scorers are killed and replaced, and while a router sleeps through its own removal and wakes up as a zombie.
// Method: real processes on a real broker, real model packages; what became of every request is read back from the topics.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { DIGITS_ENDPOINT, loadDigits } from '../../demo/data/digits.ts';
import { type Operator, operatorOf } from '../../demo/run/control.ts';
import { countPredictions, readBack } from '../../demo/run/readback.ts';
import { startTraffic } from '../../demo/run/traffic.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import { kafkaBus } from '../../shared/bus/kafka/kafka-bus.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { describeWithBroker } from '../support/broker.ts';
import { eventually } from '../support/eventually.ts';
import { Fleet, type ServiceProcess } from '../support/service-process.ts';

const PARTITIONS = 4;
/** Two streams: one meets the switch and the kills, the other the sleeper. */
const STREAM_REQUESTS = 1_500;
const REQUESTS = 2 * STREAM_REQUESTS;
const RATE = 250;
const SESSION_TIMEOUT_MS = 3_000;
/** From a death or a stop to the others' ownership: the session, a rebalance, and a busy machine. */
const TAKE_OVER_MS = SESSION_TIMEOUT_MS + 12_000;
const ANSWERS_MS = 30_000;
const TEST_MS = 120_000;

describeWithBroker('routers and scorers as processes', ({ brokers, prefix }) => {
  const topics = topicsOf(prefix);
  const place = { topics, endpoint: DIGITS_ENDPOINT };
  const digits = loadDigits();
  const fleet = new Fleet({
    brokers,
    prefix,
    more: {
      MILLRACE_SESSION_TIMEOUT_MS: String(SESSION_TIMEOUT_MS),
      MILLRACE_TRANSACTION_TIMEOUT_MS: '2000',
      MILLRACE_HEARTBEAT_INTERVAL_MS: '300',
    },
  });
  let bus: Bus;
  let operator: Operator;

  /** Partitions that the process says it owns, of one lane where it has lanes. */
  function owned(process: ServiceProcess, lane?: string): readonly number[] {
    const lines = process.of('partitions-assigned').filter((line) => line.lane === lane);
    return (lines.at(-1)?.partitions ?? []) as readonly number[];
  }

  beforeAll(async () => {
    bus = kafkaBus({ brokers, clientId: 'processes-test', clock, onNotice: () => {} });
    await fleet.start('controller').ready();
    operator = operatorOf({ bus, ...place, clock });
  });

  afterAll(async () => {
    await fleet.stop();
    await operator?.stop();
    await bus?.close();
  });

  it(
    'answer every request once, by the version that the cuts name, whatever happens to them',
    async () => {
      const [router, sleeper, scorer] = await Promise.all(
        (['router', 'router', 'scorer', 'scorer'] as const).map((service) => fleet.start(service).ready()),
      );
      if (router === undefined || sleeper === undefined || scorer === undefined) return expect.unreachable();
      await operator.defineEndpoint({
        ...{ endpoint: DIGITS_ENDPOINT, partitions: PARTITIONS, delivery: 'exactly-once' },
        ...{ road: 'lanes', ordering: 'per-key' },
      });
      await operator.apply({ candidate: 1, strategy: 'basic' });
      await operator.next('v1 serves', (event) => event.type === 'rollout-completed');
      await router.until('it owns half', () => owned(router).length === PARTITIONS / 2, TAKE_OVER_MS);

      const topic = topics.endpoint(DIGITS_ENDPOINT, 'requests');
      const stream = {
        bus,
        clock,
        topic,
        labels: null,
        reserve: 0,
        partitions: PARTITIONS,
        digits,
        requests: STREAM_REQUESTS,
        rate: RATE,
      };
      const first = startTraffic(stream);
      await first.reached(200);
      await operator.apply({ candidate: 4, strategy: 'blue-green' });

      router.kill('SIGKILL');
      scorer.kill('SIGKILL');
      const [heir] = await Promise.all([fleet.start('router').ready(), fleet.start('scorer').ready()]);
      await operator.next('v4 is ready', (event) => event.type === 'candidate-ready');
      await operator.command('promote', 'v4 is warm');

      await heir.until('it owns half', () => owned(heir).length === PARTITIONS / 2, TAKE_OVER_MS);
      const second = startTraffic(stream);
      await second.reached(200);
      sleeper.kill('SIGSTOP');
      await heir.until('it owns everything', () => owned(heir).length === PARTITIONS, TAKE_OVER_MS);
      const heard = sleeper.of('partitions-assigned').length;
      sleeper.kill('SIGCONT');
      // It hears that it has lost everything, and joins again.
      const isBack = () =>
        sleeper.of('partitions-assigned').length > heard + 1 && owned(sleeper).length === PARTITIONS / 2;
      await sleeper.until('it is back', isBack, TAKE_OVER_MS);

      await Promise.all([first.done, second.done]);
      const answered = async () => (await countPredictions({ bus, ...place })) >= REQUESTS;
      await eventually('everything is answered', answered, { timeoutMs: ANSWERS_MS });
      await operator.next("v1's lane is drained", (event) => event.type === 'rollout-completed');
      const { outcomes } = await readBack({ bus, ...place, digits, switches: [], replayed: [] });
      expect(outcomes).toMatchObject({
        ...{ requests: REQUESTS, answered: REQUESTS, deadLettered: 0 },
        kept: [],
      });
      expect([...outcomes.versions.keys()].sort()).toEqual([1, 4]);
    },
    TEST_MS,
  );

  it('said nothing but log lines, and none of a bug', () => {
    const bugs = fleet.processes.flatMap((process) => process.lines.filter((line) => isBug(line.error)));
    expect(bugs).toEqual([]);
    expect(fleet.processes.flatMap((process) => process.stray)).toEqual([]);
  });

  it('end with code 0 when they are told to', async () => {
    expect(await fleet.stop()).toEqual([0, 0, 0, 0, 0]);
  });
});

function isBug(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'kind' in error && error.kind === 'bug';
}
