// Goal: guarantee 4: the shadow's credentials could not write to E.predictions, nor anywhere else on the live road; and the
//       grants of shared/domain/access.ts are enough for a house to do all of its work.
// Method: a broker with SASL and Kafka's authorizer; one user per service with exactly its grants; a super user reads what
//         has arrived. Each refusal is that of the broker, as our own bus tells it, with a deadline that no test outlives.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Operator, operatorOf } from '../../demo/run/control.ts';
import { startComparator } from '../../services/comparator/service.ts';
import { startController } from '../../services/controller/service.ts';
import { startRouter } from '../../services/router/service.ts';
import { startScorer } from '../../services/scorer/service.ts';
import { startShadow } from '../../services/shadow/service.ts';
import { ROLLBACK_BOUNDS } from '../../shared/analysis/checks/rollback-bound.ts';
import { auditEndpoint } from '../../shared/audit/audit-endpoint.ts';
import type { Bus, ConsumeOptions, GroupConsumer, OwnedPartition } from '../../shared/bus/bus.ts';
import { limitsWith } from '../../shared/comparing/limits.ts';
import { allows, grantsOf, SERVICES_WITH_ACCESS, type ServiceWithAccess } from '../../shared/domain/access.ts';
import { aborted } from '../../shared/domain/clock.ts';
import { errorCode, errorText } from '../../shared/domain/errors.ts';
import { laneGroup, routerGroup, shadowGroup, transactionalIdOf } from '../../shared/domain/groups.ts';
import { HEADER, headerText } from '../../shared/domain/headers.ts';
import { HEADERS_MAX, type Header, type InRecord, type OutRecord } from '../../shared/domain/record.ts';
import { type Delivery, LANES } from '../../shared/domain/route-plan.ts';
import { type EndpointTopicKind, topicsOf } from '../../shared/domain/topics.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import type { Log } from '../../shared/telemetry/logger.ts';
import { digestOf } from '../support/controller-story.ts';
import { eventually } from '../support/eventually.ts';
import { FAKE_SIGNATURE, fakeLauncher } from '../support/fake-launcher.ts';
import { GuardedBroker, guardedBrokerJars } from '../support/guarded-broker.ts';

const ENDPOINT = 'numbers';
const PARTITIONS = 2;
/** Two houses: one whose topics the super user makes and the shadow meets, one that runs. */
const SHADOWED = { prefix: 'a.', endpoint: ENDPOINT };
const HOUSE = { prefix: 'b.', endpoint: ENDPOINT };
const SETTINGS = { endpoint: ENDPOINT, delivery: 'exactly-once', road: 'lanes', ordering: 'per-key' } as const;
/** A refusal that is retried does not come within any test. */
const DEADLINE_MS = 3_600_000;
const WAIT_MS = 20_000;
const TEST_MS = 120_000;
const encoder = new TextEncoder();

const { folder, missing } = await guardedBrokerJars();
let broker: GuardedBroker;
let admin: Bus;

beforeAll(async () => {
  if (missing !== '') return;
  broker = await GuardedBroker.start(folder);
  admin = broker.busOf('admin');
  const topics = topicsOf(SHADOWED.prefix);
  await admin.admin.createTopics([...topics.controlTopicSpecs(), ...topics.endpointTopicSpecs(ENDPOINT, PARTITIONS)]);
  await broker.give([SHADOWED, HOUSE]);
}, TEST_MS);

afterAll(() => broker?.stop());

function record(topic: string, value: string, partition = 0): OutRecord {
  return { topic, partition, key: encoder.encode('k'), value: encoder.encode(value), headers: [] };
}

/** Everything that was committed to a topic. */
async function readAll(topic: string): Promise<InRecord[]> {
  const records: InRecord[] = [];
  for await (const batch of admin.read({ topic, from: 'earliest', until: 'end' })) records.push(...batch.records);
  return records;
}

/** Runs `work` as owner of partition 0 of `topic`, leaves the group, and gives what came of it. */
async function asOwner<T>(
  bus: Bus,
  place: Pick<ConsumeOptions, 'group' | 'topic'> & { readonly delivery?: Delivery },
  work: (owned: OwnedPartition) => Promise<T>,
): Promise<T> {
  let consumed: Promise<GroupConsumer> | undefined;
  const result = new Promise<T>((resolve, reject) => {
    consumed = bus.consume({
      ...{ delivery: 'exactly-once', ...place },
      onPartition: async (owned) => {
        if (owned.partition === 0) await work(owned).then(resolve, reject);
        await aborted(owned.lost);
      },
      onError: reject,
    });
    consumed.catch(reject);
  });
  return result.finally(async () => (await consumed?.catch(() => null))?.stop());
}

const denial = (resource: string) => ({ code: 'ACCESS_DENIED', context: { resource } });

describe.skipIf(missing !== '')(`the shadow's credentials${missing && ` (not here: ${missing})`}`, () => {
  const topics = topicsOf(SHADOWED.prefix);
  const own = (kind: EndpointTopicKind) => topics.endpoint(ENDPOINT, kind);
  const group = shadowGroup(SHADOWED.prefix, ENDPOINT, { rollout: `${ENDPOINT}-2`, version: 2 });
  const copies = { group, topic: own('requests') };
  const forbidden = [
    ...(['predictions', 'lane.blue', 'lane.green', 'cuts', 'dead-letters'] as const).map(own),
    topics.control('plans'),
  ];
  let shadow: Bus;

  beforeAll(async () => {
    shadow = broker.busOf('shadow');
    await admin.write(Array.from({ length: 5 }, (_, index) => record(own('requests'), `${index}`)));
  });

  it('read requests, and commit outputs and offset in one transaction', async () => {
    const taken = await asOwner(shadow, copies, async (owned) => {
      await owned.fence();
      await owned.resume();
      const { records, nextOffset } = await owned.take({ maxRecords: 100, maxBytes: 1e6, maxWaitMs: WAIT_MS });
      await owned.commit({ outputs: records.map(({ offset }) => record(own('shadow'), `of ${offset}`)), nextOffset });
      return records.length;
    });
    expect(taken).toBe(5);
    expect(await readAll(own('shadow'))).toHaveLength(5);
    expect(await admin.admin.committed(group, copies.topic)).toEqual([5, -1]);
  });

  it('see how much waits on the live road, and may read nothing of it', async () => {
    const lane = own('lane.blue');
    expect(await shadow.admin.committed(laneGroup(SHADOWED.prefix, ENDPOINT, 'blue'), lane)).toEqual([-1, -1]);
    expect(await shadow.admin.committed(routerGroup(SHADOWED.prefix, ENDPOINT), copies.topic)).toEqual([-1, -1]);
    expect(await shadow.admin.offsets(lane)).toHaveLength(PARTITIONS);
    await admin.write([record(own('labels'), 'x')]);
    await expect(drained(shadow, own('labels'))).rejects.toMatchObject(denial(`topic ${own('labels')}`));
  });

  it.each(forbidden)('are refused at once where they write to %s', async (topic) => {
    const written = shadow.write([record(topic, 'never')], { deadlineMs: DEADLINE_MS });
    await expect(written).rejects.toMatchObject(denial(`topic ${topic}`));
  });

  it.each(forbidden)('are refused a transaction that writes to %s, and go on without it', async (topic) => {
    const outputs = [record(own('shadow'), 'never'), record(topic, 'never')];
    await asOwner(shadow, copies, async (owned) => {
      await owned.fence();
      const nextOffset = await owned.resume();
      await expect(owned.commit({ outputs, nextOffset })).rejects.toMatchObject(denial(`topic ${topic}`));
      await owned.fence();
      await owned.resume();
      await owned.commit({ outputs: [record(own('shadow'), `after ${topic}`)], nextOffset });
    });
  });

  it('are refused such a write without transactions as well', async () => {
    const topic = own('predictions');
    await asOwner(shadow, { ...copies, delivery: 'at-least-once' }, async (owned) => {
      await owned.fence();
      const nextOffset = await owned.resume();
      const committed = owned.commit({ outputs: [record(topic, 'never')], nextOffset });
      await expect(committed).rejects.toMatchObject(denial(`topic ${topic}`));
    });
  });

  it('have left nothing on any of these topics, not even an aborted record', async () => {
    for (const topic of forbidden) {
      expect(
        (await admin.admin.offsets(topic)).map(({ end }) => end),
        topic,
      ).toEqual(Array.from({ length: (await admin.admin.partitions(topic)) ?? 0 }, () => 0));
    }
    const outputs = (await readAll(own('shadow'))).map(({ value }) => new TextDecoder().decode(value ?? undefined));
    expect(outputs.slice(5)).toEqual(forbidden.map((topic) => `after ${topic}`));
  });

  it('can neither join the live road nor fence its owners', async () => {
    const lane = { group: laneGroup(SHADOWED.prefix, ENDPOINT, 'blue'), topic: own('lane.blue'), partition: 0 };
    const router = { group: routerGroup(SHADOWED.prefix, ENDPOINT), topic: own('requests'), partition: 0 };
    for (const owner of [lane, router]) {
      const id = transactionalIdOf(owner);
      await expect(shadow.admin.fence(owner)).rejects.toMatchObject(denial(`transactional id ${id}`));
    }
    const joined = asOwner(shadow, router, async () => 'joined');
    await expect(joined).rejects.toMatchObject(denial(`group ${router.group}`));
  });

  it('are told of a topic that is not theirs, and nothing of whether it is there', async () => {
    for (const topic of [own('totals'), `${SHADOWED.prefix}nowhere.predictions`]) {
      await expect(shadow.admin.partitions(topic)).rejects.toMatchObject(denial(`topic ${topic}`));
    }
  });
});

describe.skipIf(missing !== '')('the broker', () => {
  it.each(SERVICES_WITH_ACCESS)(
    'lets the %s write to the topics that its grants name, and to no other',
    async (user) => {
      const topics = topicsOf(SHADOWED.prefix);
      const names = [...topics.endpointTopicSpecs(ENDPOINT, 1), ...topics.controlTopicSpecs()].map(({ name }) => name);
      const bus = broker.busOf(user);
      const grants = grantsOf(user, SHADOWED);
      const outcomes = names.map(async (name) => [
        name,
        await bus.write([record(name, user)], { deadlineMs: DEADLINE_MS }).then(() => 'written', errorCode),
      ]);
      const expected = names.map((name) => {
        const may = allows(grants, { operation: 'Write', resource: 'topic', name });
        return [name, may ? 'written' : 'ACCESS_DENIED'];
      });
      expect(await Promise.all(outcomes)).toEqual(expected);
    },
  );
});

/** Reads a topic to its end, for what that throws. */
async function drained(bus: Bus, topic: string): Promise<void> {
  for await (const batch of bus.read({ topic, from: 'earliest', until: 'end' })) void batch;
}

describe.skipIf(missing !== '')('a house whose services have their grants and no more', () => {
  const topics = topicsOf(HOUSE.prefix);
  const own = (kind: EndpointTopicKind) => topics.endpoint(ENDPOINT, kind);
  const problems: unknown[] = [];
  const denials = () => problems.filter((problem) => errorCode(problem) === 'ACCESS_DENIED');
  const launcher = fakeLauncher();
  launcher.set(2, { poison: [7] });
  let running: { stop(): Promise<void> }[] = [];
  let operator: Operator;

  async function start(): Promise<void> {
    const log: Log = (_event, fields) => {
      if ('error' in fields) problems.push(fields.error);
    };
    const manifest = async (_: string, version: number) => ({ digest: digestOf(version), signature: FAKE_SIGNATURE });
    const deps = (user: ServiceWithAccess) => ({ bus: broker.busOf(user), topics, clock, log });
    const limits = limitsWith({ window: 1_000, labelWindow: 1_000, windowMs: 1_000 });
    running = [
      await startController({ ...deps('controller'), repository: { manifest } }),
      await startScorer({ ...deps('scorer'), launcher, worker: 'w' }),
      await startRouter(deps('router')),
      await startShadow({ ...deps('shadow'), launcher: fakeLauncher(), worker: 'w-shadow' }),
      await startComparator({ ...deps('comparator'), limits }),
    ];
  }

  async function stop(): Promise<void> {
    for (const service of running.reverse()) await service.stop();
    running = [];
  }

  beforeAll(async () => {
    await start();
    operator = operatorOf({ bus: admin, topics, clock, endpoint: ENDPOINT });
    await operator.defineEndpoint({ ...SETTINGS, partitions: PARTITIONS });
    await operator.apply({ candidate: 1, strategy: 'basic' });
    await operator.next('v1 serves', (event) => event.type === 'rollout-completed');
  }, TEST_MS);

  afterAll(async () => {
    await operator?.stop();
    await stop();
  });

  /** Sends requests, every tenth of them unreadable for the scorer, and waits until all requests have an answer. */
  async function ask(values: readonly number[], headers: readonly Header[] = []): Promise<void> {
    const body = (x: number) => JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [x] }] });
    await admin.write(
      values.map((x, index) => ({
        ...record(own('requests'), index % 10 === 9 ? '{' : body(x), index % PARTITIONS),
        key: encoder.encode(`${index}`),
        headers,
      })),
    );
    const answered = async () => (await readAll(own('predictions'))).length >= (await readAll(own('requests'))).length;
    const detail = () => problems.map(errorText).join('; ');
    await eventually('every request is answered', answered, { timeoutMs: WAIT_MS, detail });
  }

  it('answer, and refuse what cannot be scored or routed', async () => {
    await ask(Array.from({ length: 200 }, (_, index) => index));
    await ask(
      [1],
      Array.from({ length: HEADERS_MAX + 1 }, () => ['h', encoder.encode('v')] as const),
    );
    expect(await readAll(own('dead-letters'))).toHaveLength(21);
    expect(denials()).toEqual([]);
  });

  it('rescue a candidate’s failures, and drain its lane', async () => {
    await operator.apply({ candidate: 2, strategy: 'canary', canary: { weightBp: 5_000 } });
    await operator.next('v2 has its share', ({ phase }) => phase === 'serving');
    await ask(Array.from({ length: 40 }, () => 7));
    await operator.command('abort', 'it cannot score sevens');
    await operator.next('its lane is drained', (event) => event.type === 'rollout-completed');
    expect((await readAll(own('predictions'))).some(({ headers }) => headerText(headers, HEADER.rescuedFrom))).toBe(
      true,
    );
    expect(denials()).toEqual([]);
  });

  it('score copies behind a gate that looks at the live road, and compare them with answers and labels', async () => {
    const before = (await readAll(own('predictions'))).length;
    await operator.apply({ candidate: 3, strategy: 'shadow', shadow: { gate: { kind: 'low-lag' } } });
    await operator.next('v3 is there', ({ phase }) => phase === 'ready');
    await ask(Array.from({ length: 40 }, (_, index) => index));
    const label = { ...record(own('labels'), '{"values":[3]}', 1), key: encoder.encode('0@1') };
    await admin.write([label]);
    const isOutput = ({ headers }: InRecord) => headerText(headers, HEADER.shadowMark) === null;
    const scored = async () => (await readAll(own('shadow'))).filter(isOutput).length === 40;
    const detail = () => problems.map(errorText).join('; ');
    await eventually('every request is copied', scored, { timeoutMs: WAIT_MS, detail });
    for (const topic of [own('keyed-labels'), own('totals'), topics.control('metrics')]) {
      const written = async () => (await readAll(topic)).length > 0;
      await eventually(`${topic} is written`, written, { timeoutMs: WAIT_MS, detail });
    }
    const live = await readAll(own('predictions'));
    expect(live).toHaveLength(before + 40);
    expect(live.filter(({ headers }) => headerText(headers, HEADER.shadow) !== null)).toEqual([]);
    await operator.command('promote', 'it agrees');
    await operator.next('v3 serves', ({ phase }) => phase === 'promoted');
    expect(denials()).toEqual([]);
  });

  it('grow, start over, and end what a silent scorer left open', async () => {
    await operator.defineEndpoint({ ...SETTINGS, partitions: PARTITIONS + 1 });
    await operator.next('it has grown', (event) => event.type === 'endpoint-defined' && event.seq > 1);
    for (const { name, partitions } of topics.endpointTopicSpecs(ENDPOINT, PARTITIONS + 1)) {
      expect(await admin.admin.partitions(name), name).toBe(partitions);
    }
    await stop();
    await start();
    const { admin: controller } = broker.busOf('controller');
    for (const lane of LANES) {
      const group = laneGroup(HOUSE.prefix, ENDPOINT, lane);
      await controller.fence({ group, topic: topics.lane(ENDPOINT, lane), partition: 0 });
    }
    await ask(Array.from({ length: 20 }, (_, index) => index));
    expect(denials()).toEqual([]);
  });

  it('break no promise', async () => {
    const place = { bus: admin, topics, endpoint: ENDPOINT, settled: true, bounds: ROLLBACK_BOUNDS };
    const audit = await auditEndpoint({ ...place, nowMs: clock.nowMs(), signal: new AbortController().signal });
    expect(audit.kept).toEqual([]);
    expect(audit).toMatchObject({ requests: 301, answered: 270, deadLettered: 31, pending: 0 });
  });
});
