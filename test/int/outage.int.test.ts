// Goal: a broker that goes away under traffic and comes back costs time and nothing else: the services stay up, say so
//       once, wait, go on by themselves, and every request has exactly one answer.
// Method: a broker of its own, killed like a machine that loses power and started again on its data; services as processes.

import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { DIGITS_ENDPOINT, loadDigits } from '../../demo/data/digits.ts';
import { operatorOf } from '../../demo/run/control.ts';
import { countPredictions, readBack } from '../../demo/run/readback.ts';
import { startTraffic } from '../../demo/run/traffic.ts';
import { brokerSearch } from '../../shared/broker/find.ts';
import type { RunningBroker } from '../../shared/broker/running-broker.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import { kafkaBus } from '../../shared/bus/kafka/kafka-bus.ts';
import { isCi } from '../../shared/config/ci.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { eventually } from '../support/eventually.ts';
import { Fleet } from '../support/service-process.ts';

const PREFIX = 'outage.';
const PARTITIONS = 2;
const REQUESTS = 2_000;
const RATE = 100;
const OUTAGE_MS = 8_000;
/** The producer of the test waits the outage out; a user's would too, or keep what it could not write. */
const WRITE_DEADLINE_MS = 60_000;
const NOTICE_MS = 10_000;
const ANSWERS_MS = 40_000;
const TEST_MS = 120_000;

const topics = topicsOf(PREFIX);
const place = { topics, endpoint: DIGITS_ENDPOINT };
const digits = loadDigits();
let broker: RunningBroker | null = null;
let reason = '';
let fleet: Fleet;
let bus: Bus;

beforeAll(async () => {
  const search = await brokerSearch({ killable: true });
  broker = search.broker;
  reason = search.reason;
  if (broker === null) return;
  const { brokers } = broker;
  const client = kafkaBus({ brokers, clientId: 'outage-test', clock, onNotice: () => {} });
  bus = { ...client, write: (records) => client.write(records, { deadlineMs: WRITE_DEADLINE_MS }) };
  fleet = new Fleet({ brokers, prefix: PREFIX });
});

afterAll(async () => {
  await fleet?.stop();
  await bus?.close();
  await broker?.stop();
});

function brokerNode({ skip }: TestContext) {
  const node = broker?.node(1) ?? null;
  if (node === null && isCi(process.env)) throw new MillraceError('BROKER_NOT_FOUND', { detail: reason });
  if (node === null) skip(`needs a broker that it may kill: ${reason}`);
  return node;
}

describe('a broker that goes away and comes back', () => {
  it(
    'is waited for, and every request is answered once',
    async (context) => {
      const node = brokerNode(context);
      await fleet.start('controller').ready();
      await Promise.all((['router', 'scorer'] as const).map((service) => fleet.start(service).ready()));
      const operator = operatorOf({ bus, ...place, clock });
      await operator.defineEndpoint({
        ...{ endpoint: DIGITS_ENDPOINT, partitions: PARTITIONS, delivery: 'exactly-once' },
        ...{ road: 'lanes', ordering: 'per-key' },
      });
      await operator.apply({ candidate: 1, strategy: 'basic' });
      await operator.next('v1 serves', (event) => event.type === 'rollout-completed');
      const topic = topics.endpoint(DIGITS_ENDPOINT, 'requests');
      const traffic = startTraffic({
        bus,
        clock,
        labels: null,
        reserve: 0,
        topic,
        partitions: PARTITIONS,
        digits,
        requests: REQUESTS,
        rate: RATE,
      });
      await traffic.reached(REQUESTS / 4);

      await node?.kill('SIGKILL');
      const notices = ['broker-lost', 'broker-recovered'] as const;
      const heard = () => fleet.processes.map((process) => notices.map((notice) => process.of(notice).length));
      const everyone = (counts: readonly number[]) => fleet.processes.map(() => counts);
      const all = (counts: readonly number[]) => JSON.stringify(heard()) === JSON.stringify(everyone(counts));
      const detail = () => JSON.stringify(heard());
      await eventually('all services have noticed', () => all([1, 0]), { timeoutMs: NOTICE_MS, detail });
      await clock.sleep(OUTAGE_MS);
      expect(heard()).toEqual(everyone([1, 0]));
      await node?.start();
      await eventually('all services go on', () => all([1, 1]), { timeoutMs: NOTICE_MS, detail });

      await traffic.done;
      const answered = async () => (await countPredictions({ bus, ...place })) >= REQUESTS;
      await eventually('everything is answered', answered, { timeoutMs: ANSWERS_MS });
      await operator.apply({ candidate: 4, strategy: 'basic' });
      await operator.next('the controller goes on too', (event) => event.type === 'rollout-completed');
      const { outcomes } = await readBack({ bus, ...place, digits, switches: [], replayed: [] });
      expect(outcomes).toMatchObject({ answered: outcomes.requests, kept: [] });
      expect(outcomes.requests).toBeGreaterThanOrEqual(REQUESTS);
      expect(heard()).toEqual(everyone([1, 1]));
      await operator.stop();
    },
    TEST_MS,
  );

  it('ends no service', async (context) => {
    brokerNode(context);
    expect(fleet.processes.flatMap((process) => process.of('service-failed'))).toEqual([]);
    expect(await fleet.stop()).toEqual([0, 0, 0]);
  });
});
