// Goal: what changes around a running endpoint loses and doubles nothing: partitions are added, a version is rolled back with
//       half a minute of work queued for it, the endpoint is removed with records queued.
// Method: the house in one process on a real broker, models that take their time, figures and verdicts from the topics.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Operator, operatorOf } from '../../demo/run/control.ts';
import { countPredictions } from '../../demo/run/readback.ts';
import { startHouse } from '../../services/house/house.ts';
import { ROLLBACK_BOUNDS } from '../../shared/analysis/checks/rollback-bound.ts';
import { auditEndpoint } from '../../shared/audit/audit-endpoint.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import { kafkaBus } from '../../shared/bus/kafka/kafka-bus.ts';
import { lagOf } from '../../shared/bus/lag.ts';
import { codecNamed } from '../../shared/codec/registry.ts';
import type { Running } from '../../shared/control/endpoints.ts';
import { errorCode } from '../../shared/domain/errors.ts';
import { laneGroup } from '../../shared/domain/groups.ts';
import { HEADER, headerText } from '../../shared/domain/headers.ts';
import type { OutRecord } from '../../shared/domain/record.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { modelRepository } from '../../shared/models/repository.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { modelLauncher, NICE_LIVE } from '../../shared/runtimes/spawn.ts';
import type { Log } from '../../shared/telemetry/logger.ts';
import { describeWithBroker } from '../support/broker.ts';
import { eventually } from '../support/eventually.ts';
import { FAULTY_RUNTIME, packFaulty, temporaryFolder } from '../support/tiny-models.ts';

const ENDPOINT = 'faulty';
const SETTINGS = { endpoint: ENDPOINT, delivery: 'exactly-once', road: 'lanes', ordering: 'per-key' } as const;
/** Rows of a batch of version 2, and how long it takes over one: 80 rows a second. */
const SLOW_ROWS = 4;
const SLOW_MS = 50;
/** Queued for version 2 when it is rolled back. */
const BACKLOG_MS = 30_000;
const BACKLOG_ROWS = (BACKLOG_MS / SLOW_MS) * SLOW_ROWS;
/** The design's bound on a bad version's last answer after the abort. */
const SILENT_WITHIN_MS = 2_000;
const WAIT_MS = 40_000;

describeWithBroker('a change under load', ({ brokers, prefix }) => {
  const topics = topicsOf(prefix);
  const place = { topics, endpoint: ENDPOINT };
  const requests = topics.endpoint(ENDPOINT, 'requests');
  const value = codecNamed('json').encodeRequest([
    { name: 'x', datatype: 'FP32', shape: [1, 1], data: Float32Array.of(1) },
  ]);
  const failures: unknown[] = [];
  let bus: Bus;
  let house: Running;
  let operator: Operator;
  let sent = 0;

  beforeAll(async () => {
    const notice = { onNotice: () => undefined };
    bus = kafkaBus({ brokers, clientId: 'change', clock, ...notice, partitionCheckIntervalMs: 300 });
    const root = temporaryFolder();
    const repository = modelRepository(root);
    await packFaulty(root, '', { version: 1 });
    await packFaulty(root, `slow ${SLOW_MS}`, { version: 2, maxBatchRows: SLOW_ROWS });
    const model = { repository: root, clock, nice: NICE_LIVE, environment: process.env, ...notice };
    const launcher = modelLauncher({ ...model, runtimeModules: [FAULTY_RUNTIME] });
    const log: Log = (_, fields) => 'error' in fields && failures.push(fields.error);
    house = await startHouse({
      bus,
      topics,
      clock,
      log,
      launcher,
      shadowLauncher: launcher,
      repository,
      worker: 'change',
    });
    operator = operatorOf({ bus, ...place, clock });
    await operator.defineEndpoint({ ...SETTINGS, partitions: 1 });
    await operator.apply({ candidate: 1, strategy: 'basic' });
    await operator.next('v1 serves', (event) => event.type === 'rollout-completed');
  });

  afterAll(async () => {
    await operator?.stop();
    await house?.stop();
    await bus?.close();
  });

  async function send(count: number, partition: number): Promise<void> {
    const records = Array.from({ length: count }, (_, i): OutRecord => {
      return { topic: requests, partition, key: Buffer.from(`key ${sent + i}`), value, headers: [] };
    });
    await bus.write(records);
    sent += count;
  }

  const answeredAre = (count: number) =>
    eventually(`${count} are answered`, async () => (await countPredictions({ bus, ...place })) >= count, {
      timeoutMs: WAIT_MS,
      detail: () => failures.map(String).slice(-5).join('\n'),
    });

  async function predictions() {
    const topic = topics.endpoint(ENDPOINT, 'predictions');
    const found: { readonly version: string | null; readonly rescued: boolean; readonly atMs: number }[] = [];
    for await (const { records } of bus.read({ topic, from: 'earliest', until: 'end' })) {
      for (const { headers, timestampMs: atMs } of records) {
        const rescued = headerText(headers, HEADER.rescuedFrom) !== null;
        found.push({ version: headerText(headers, HEADER.version), rescued, atMs });
      }
    }
    return found;
  }

  async function expectSound(): Promise<void> {
    const { signal } = new AbortController();
    const audit = { bus, ...place, settled: true, bounds: ROLLBACK_BOUNDS, nowMs: clock.nowMs(), signal };
    const { requests: all, answered, kept } = await auditEndpoint(audit);
    expect({ all, answered, kept }).toEqual({ all: sent, answered: sent, kept: [] });
  }

  it('partitions that are added to the requests alone wait, named, until the endpoint is applied with them', async () => {
    await send(50, 0);
    await bus.admin.addPartitions([{ name: requests, partitions: 3, config: {} }]);
    for (const partition of [0, 1, 2]) await send(50, partition);
    const named = () => failures.some((error) => errorCode(error) === 'PARTITION_UNDECLARED');
    await eventually('the router names them', named, { timeoutMs: WAIT_MS });
    await answeredAre(100);
    await operator.defineEndpoint({ ...SETTINGS, partitions: 3 });
    await operator.next('the endpoint has them', (event) => event.type === 'endpoint-defined' && event.seq > 1);
    for (const partition of [0, 1, 2]) await send(50, partition);
    await answeredAre(sent);
    await expectSound();
  });

  it('a version is silent within 2 s of its abort, with 30 s of work queued for it', async () => {
    await operator.apply({ candidate: 2, strategy: 'canary', canary: { weightBp: 9_000 } });
    const takesTraffic = (event: { readonly type: string }) => event.type === 'candidate-ready';
    await operator.next('v2 takes traffic', takesTraffic);
    const partitions = [0, 1, 2];
    // A tenth goes to version 1.
    for (const partition of partitions) await send(Math.ceil((1.5 * BACKLOG_ROWS) / partitions.length), partition);
    const lane = topics.lane(ENDPOINT, 'green');
    const queued = () => lagOf(bus.admin, laneGroup(prefix, ENDPOINT, 'green'), lane);
    await eventually('half a minute is queued', async () => (await queued()) > BACKLOG_ROWS, { timeoutMs: WAIT_MS });
    const answers = async () => (await predictions()).filter((one) => one.version === '2');
    await eventually('v2 answers', async () => (await answers()).length > 0, { timeoutMs: WAIT_MS });
    expect(await queued()).toBeGreaterThan(BACKLOG_ROWS);
    const abortedAtMs = await operator.command('abort', 'too slow');
    await operator.next('its lane is empty', (event) => event.type === 'rollout-completed');
    await answeredAre(sent);
    const lastMs = Math.max(...(await answers()).map((one) => one.atMs));
    expect(lastMs - abortedAtMs).toBeLessThanOrEqual(SILENT_WITHIN_MS);
    expect((await predictions()).filter((one) => one.rescued).length).toBeGreaterThan(BACKLOG_ROWS * 0.9);
    await expectSound();
  });

  it('an endpoint that is removed with records queued answers them once it is defined again', async () => {
    await operator.apply({ candidate: 2, strategy: 'basic' });
    await operator.next('v2 serves', (event) => event.type === 'rollout-completed' && event.outcome === 'promoted');
    await send(1_000, 0);
    await answeredAre(sent - 900);
    await bus.write([
      { topic: topics.control('endpoints'), partition: 0, key: Buffer.from(ENDPOINT), value: null, headers: [] },
    ]);
    await operator.next('it is removed', (event) => event.type === 'endpoint-removed');
    await send(100, 1);
    const answered = await countPredictions({ bus, ...place });
    expect(answered).toBeLessThan(sent - 300);
    await operator.defineEndpoint({ ...SETTINGS, partitions: 3 });
    await operator.apply({ candidate: 1, strategy: 'basic' });
    await operator.next('v1 serves again', (event) => event.type === 'rollout-completed');
    await answeredAre(sent);
    await expectSound();
  });
});
