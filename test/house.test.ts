// Goal: rollouts run to their end in the whole house: readiness, cuts and drained lanes come from the real services.
// Method: controller, router and scorer on a memory broker under a virtual clock, models without processes, live requests.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startController } from '../services/controller/service.ts';
import { startRouter } from '../services/router/service.ts';
import { startScorer } from '../services/scorer/service.ts';
import { memoryBus } from '../shared/bus/memory/memory-bus.ts';
import { memoryLog } from '../shared/bus/memory/memory-log.ts';
import { decodeControl, encodeControl } from '../shared/codec/control.ts';
import type { RolloutEvent } from '../shared/domain/event.ts';
import { HEADER, headerText } from '../shared/domain/headers.ts';
import { topicsOf } from '../shared/domain/topics.ts';
import { parseRollout } from '../shared/strategies/registry.ts';
import { silentLog } from '../shared/telemetry/logger.ts';
import { digestOf } from './support/controller-story.ts';
import { FAKE_SIGNATURE, fakeLauncher } from './support/fake-launcher.ts';
import { VirtualClock } from './support/virtual-clock.ts';

const ENDPOINT = 'numbers';
const PARTITIONS = 2;
const topics = topicsOf('');
const encoder = new TextEncoder();
const repository = {
  manifest: async (_endpoint: string, version: number) => ({ digest: digestOf(version), signature: FAKE_SIGNATURE }),
};

let house: Awaited<ReturnType<typeof build>>;
beforeEach(async () => {
  house = await build();
});
afterEach(() => house.stop());

async function build() {
  const clock = new VirtualClock();
  const log = memoryLog();
  const bus = memoryBus(log, { clock });
  const launcher = fakeLauncher();
  const services = memoryBus(log, { clock });
  const deps = { bus: services, topics, clock, log: silentLog };
  const running = [
    await startController({ ...deps, repository }),
    await startScorer({ ...deps, launcher, worker: 'w' }),
    await startRouter(deps),
  ];
  const events: RolloutEvent[] = [];
  const answers: string[] = [];
  let sent = 0;

  async function write(topic: string, value: Uint8Array, place = { partition: 0, key: ENDPOINT }): Promise<void> {
    await bus.write([{ topic, partition: place.partition, key: encoder.encode(place.key), value, headers: [] }]);
    await clock.settle();
  }
  async function follow(topic: string, each: (record: Parameters<typeof decodeControl>[1]) => void): Promise<void> {
    for await (const batch of bus.read({ topic, from: 'earliest', until: 'never' })) batch.records.forEach(each);
  }
  async function over(work: Promise<unknown>): Promise<void> {
    let done = false;
    const settled = work.finally(() => {
      done = true;
    });
    await clock.until(() => done);
    await settled;
  }

  void follow(topics.control('events'), (record) => events.push(decodeControl('event', record)));
  const settings = { endpoint: ENDPOINT, partitions: PARTITIONS, delivery: 'exactly-once' } as const;
  const defined = encodeControl('endpoint', { ...settings, road: 'lanes', ordering: 'per-key' });
  await write(topics.control('endpoints'), defined);
  await clock.until(() => events.length > 0);
  void follow(topics.endpoint(ENDPOINT, 'predictions'), (record) =>
    answers.push(headerText(record.headers, HEADER.version) ?? 'error'),
  );

  return {
    launcher,
    events,
    rollOut: (candidate: number, strategy: string) => {
      const rollout = parseRollout({ endpoint: ENDPOINT, candidate, strategy });
      return write(topics.control('rollouts'), encodeControl('rollout', rollout));
    },
    command: (verb: 'promote' | 'abort') => {
      const command = {
        endpoint: ENDPOINT,
        verb,
        idempotencyKey: `${sent}-${verb}`,
        actor: 'test',
        reason: '',
      } as const;
      return write(topics.control('commands'), encodeControl('command', command));
    },
    /** Sends requests, waits for their answers, and returns the versions that gave them, each once. */
    ask: async (requests: number) => {
      const first = answers.length;
      for (let count = 0; count < requests; count++, sent++) {
        const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [sent] }];
        const place = { partition: sent % PARTITIONS, key: `k${sent}` };
        await write(topics.endpoint(ENDPOINT, 'requests'), encoder.encode(JSON.stringify({ inputs })), place);
      }
      await clock.until(() => answers.length >= first + requests);
      return [...new Set(answers.slice(first))].sort().join(' ');
    },
    reached: (phase: RolloutEvent['phase']) => clock.until(() => events.at(-1)?.phase === phase),
    stop: async () => {
      for (const service of running.reverse()) await over(service.stop());
      await over(Promise.all([services.close(), bus.close()]));
    },
  };
}

describe('the whole house', () => {
  beforeEach(async () => {
    await house.rollOut(1, 'basic');
    await house.reached('promoted');
    expect(await house.ask(20)).toBe('1');
  });

  it('swaps a version, drains its lane, and ends its process', async () => {
    await house.rollOut(2, 'basic');
    await house.reached('promoted');
    expect(await house.ask(20)).toBe('2');
    expect(house.launcher.running()).toEqual([2]);
  });

  it('switches blue/green and back, with the old version warm all the time', async () => {
    await house.rollOut(2, 'blue-green');
    await house.reached('ready');
    expect(await house.ask(20)).toBe('1');
    await house.command('promote');
    await house.reached('promoted');
    expect(house.launcher.running()).toEqual([1, 2]);
    expect(await house.ask(20)).toBe('2');
    await house.command('abort');
    await house.reached('aborted');
    expect(await house.ask(20)).toBe('1');
    expect(house.launcher.running()).toEqual([1]);
  });

  it('serves a canary, rolls it back, and takes the next rollout', async () => {
    await house.rollOut(2, 'canary');
    await house.reached('serving');
    expect(await house.ask(100)).toBe('1 2');
    await house.command('abort');
    await house.reached('aborted');
    expect(await house.ask(20)).toBe('1');
    await house.rollOut(3, 'basic');
    await house.reached('promoted');
    expect(await house.ask(20)).toBe('3');
  });

  it('ends a rollout whose candidate does not load, and stays on the incumbent', async () => {
    house.launcher.set(2, { state: 'FAILED' });
    await house.rollOut(2, 'canary');
    await house.reached('failed');
    expect(house.events.some((event) => event.type === 'candidate-failed')).toBe(true);
    expect(await house.ask(20)).toBe('1');
  });
});
