// Goal: a scorer that starts, or starts again, serves what it can serve: no lane waits for the other lane's version.
// Method: one endpoint's scorer on the memory bus under a virtual clock, plans put by the test, models without processes.

import { afterEach, describe, expect, it } from 'vitest';
import type { Bus } from '../../shared/bus/bus.ts';
import { memoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { memoryLog } from '../../shared/bus/memory/memory-log.ts';
import { decodeControl } from '../../shared/codec/control.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import { HEADER, header, headerText } from '../../shared/domain/headers.ts';
import type { InRecord } from '../../shared/domain/record.ts';
import type { Lane, RoutePlan } from '../../shared/domain/route-plan.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { silentLog } from '../../shared/telemetry/logger.ts';
import { FAKE_SIGNATURE, fakeLauncher } from '../../test/support/fake-launcher.ts';
import { bytesOf, canaryOf, ENDPOINT, modelOf, planTable } from '../../test/support/plans.ts';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import { EndpointScorer } from './endpoint.ts';

const topics = topicsOf('');
const ending: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

async function world(plan: RoutePlan, onJoin: () => void = () => undefined) {
  const clock = new VirtualClock();
  const bus: Bus = memoryBus(memoryLog(), { clock });
  ending.push(() => bus.close());
  await bus.admin.createTopics([...topics.controlTopicSpecs(), ...topics.endpointTopicSpecs(ENDPOINT, 1)]);
  const scorerBus: Bus = {
    ...{ kind: bus.kind, admin: bus.admin, close: () => bus.close() },
    read: (options) => bus.read(options),
    write: (records, options) => bus.write(records, options),
    consume: (options) => {
      onJoin();
      return bus.consume(options);
    },
  };
  const launcher = fakeLauncher();
  const plans = planTable(plan);
  const deps = { bus: scorerBus, topics, clock, log: silentLog, launcher, worker: 'w' };
  const scorer = new EndpointScorer(deps, plan, plans);
  const follow = (topic: string): InRecord[] => {
    const records: InRecord[] = [];
    void (async () => {
      const stream = bus.read({ topic, from: 'earliest', until: 'never' });
      for await (const batch of stream) records.push(...batch.records);
    })();
    return records;
  };
  return {
    ...{ clock, launcher, plans, scorer },
    predictions: follow(topics.endpoint(ENDPOINT, 'predictions')),
    reports: follow(topics.control('workers')),
    send: (lane: Lane, version: number, x: number) => {
      const [input] = FAKE_SIGNATURE.inputs;
      const inputs = [{ name: input?.name, datatype: 'FP32', shape: [1, 1], data: [x] }];
      const { digest } = modelOf(version);
      const routed = [header(HEADER.version, String(version)), header(HEADER.digest, digest)];
      const place = { topic: topics.lane(ENDPOINT, lane), partition: 0, key: null };
      const headers = [...routed, header(HEADER.lane, lane)];
      return bus.write([{ ...place, value: bytesOf(JSON.stringify({ inputs })), headers }]);
    },
  };
}

const ends = (records: readonly InRecord[]) =>
  records.map(({ headers }) => [headerText(headers, HEADER.version), headerText(headers, HEADER.rescuedFrom)]);

describe('a scorer that starts while a candidate does not come up', () => {
  it.each([0, 5_000])("answers on the incumbent's lane, whatever the candidate's share: %i", async (weightBp) => {
    const { clock, launcher, scorer, predictions, send } = await world(canaryOf(2, weightBp));
    launcher.set(2, { state: 'LOADING' });
    const starting = scorer.start();
    await send('blue', 1, 7);
    await clock.until(() => predictions.length > 0);
    expect(ends(predictions)).toEqual([['1', null]]);
    launcher.set(2, { state: 'READY' });
    await starting;
    await stopped(clock, scorer);
  });

  it('is helped by an abort: what waits for the candidate is rescued', async () => {
    const { clock, launcher, plans, scorer, predictions, send } = await world(canaryOf(2, 5_000));
    launcher.set(2, { state: 'LOADING' });
    const starting = scorer.start();
    await send('green', 2, 7);
    await clock.settle();
    plans.put(canaryOf(3, 0, { revoked: [modelOf(2)] }));
    await starting;
    await clock.until(() => predictions.length > 0);
    expect(ends(predictions)).toEqual([['1', '2:VERSION_REVOKED']]);
    await stopped(clock, scorer);
  });

  it('reports what it waits for, and that it owns nothing yet', async () => {
    const { clock, launcher, scorer, reports } = await world(canaryOf(2, 5_000));
    launcher.set(1, { state: 'LOADING' });
    launcher.set(2, { state: 'LOADING' });
    const starting = scorer.start();
    await clock.until(() => reports.length >= 2);
    const said = reports.slice(0, 2).map((record) => decodeControl('worker', record));
    expect(said).toMatchObject(
      [1, 2].map((version) => ({ version, state: 'LOADING', owned: { blue: [], green: [] } })),
    );
    launcher.set(1, { state: 'READY' });
    launcher.set(2, { state: 'READY' });
    await starting;
    await stopped(clock, scorer);
  });
});

describe('a scorer that cannot join', () => {
  it("one lane's group leaves the other's and stops its models", async () => {
    let joins = 0;
    const { launcher, scorer } = await world(canaryOf(2, 5_000), () => {
      joins += 1;
      if (joins === 2) throw new MillraceError('TOPIC_UNKNOWN', { topic: 'gone' });
    });
    await expect(scorer.start()).rejects.toMatchObject({ code: 'TOPIC_UNKNOWN' });
    expect(joins).toBe(2);
    expect(launcher.running()).toEqual([]);
  });
});

async function stopped(clock: VirtualClock, scorer: EndpointScorer): Promise<void> {
  let over = false;
  const stopping = scorer.stop().then(() => {
    over = true;
  });
  await clock.until(() => over);
  await stopping;
}
