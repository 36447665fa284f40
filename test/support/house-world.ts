// HouseWorld: the whole house on a memory broker under a virtual clock, models without processes, and live requests.
// Method: every service on one bus client; users and readers on another; what came of it is read back from the topics.

import { startComparator } from '../../services/comparator/service.ts';
import { startController } from '../../services/controller/service.ts';
import { startRouter } from '../../services/router/service.ts';
import { startScorer } from '../../services/scorer/service.ts';
import { startShadow } from '../../services/shadow/service.ts';
import { memoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { memoryLog } from '../../shared/bus/memory/memory-log.ts';
import { decodeControl, encodeControl } from '../../shared/codec/control.ts';
import { limitsWith } from '../../shared/comparing/limits.ts';
import type { RolloutEvent } from '../../shared/domain/event.ts';
import { HEADER, headerText } from '../../shared/domain/headers.ts';
import type { InRecord } from '../../shared/domain/record.ts';
import { type EndpointTopicKind, topicsOf } from '../../shared/domain/topics.ts';
import { parseRollout } from '../../shared/strategies/registry.ts';
import { silentLog } from '../../shared/telemetry/logger.ts';
import { digestOf } from './controller-story.ts';
import { FAKE_SIGNATURE, fakeLauncher } from './fake-launcher.ts';
import { VirtualClock } from './virtual-clock.ts';

export const ENDPOINT = 'numbers';
export const PARTITIONS = 2;
const topics = topicsOf('');
const encoder = new TextEncoder();
/** Its place among the services. */
const SHADOW = 3;
const LIMITS = limitsWith({ window: 200, labelWindow: 1_000, windowMs: 10_000 });
/** Sources that a comparison reads ahead of its shadow. */
export const AHEAD = LIMITS.ahead;
const repository = {
  manifest: async (_endpoint: string, version: number) => ({ digest: digestOf(version), signature: FAKE_SIGNATURE }),
};

export type HouseWorld = Awaited<ReturnType<typeof houseWorld>>;

export async function houseWorld() {
  const clock = new VirtualClock();
  const log = memoryLog();
  const bus = memoryBus(log, { clock });
  const launcher = fakeLauncher();
  const shadowLauncher = fakeLauncher();
  const services = memoryBus(log, { clock });
  const deps = { bus: services, topics, clock, log: silentLog };
  const beginShadow = () => startShadow({ ...deps, launcher: shadowLauncher, worker: 'w-shadow' });
  const running = [
    await startController({ ...deps, repository }),
    await startScorer({ ...deps, launcher, worker: 'w' }),
    await startRouter(deps),
    await beginShadow(),
    await startComparator({ ...deps, limits: LIMITS }),
  ];
  const events: RolloutEvent[] = [];
  const answers: string[] = [];
  let sent = 0;

  async function write(topic: string, value: Uint8Array, place = { partition: 0, key: ENDPOINT }): Promise<void> {
    await bus.write([{ topic, partition: place.partition, key: encoder.encode(place.key), value, headers: [] }]);
    await clock.settle();
  }
  async function send(requests: number): Promise<void> {
    for (let count = 0; count < requests; count++, sent++) {
      const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [sent] }];
      const place = { partition: sent % PARTITIONS, key: `k${sent}` };
      await write(topics.endpoint(ENDPOINT, 'requests'), encoder.encode(JSON.stringify({ inputs })), place);
    }
  }
  async function follow(topic: string, each: (record: Parameters<typeof decodeControl>[1]) => void): Promise<void> {
    for await (const batch of bus.read({ topic, from: 'earliest', until: 'never' })) batch.records.forEach(each);
  }
  async function over<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const settled = work.finally(() => {
      done = true;
    });
    // The rejection is the caller's.
    settled.catch(() => undefined);
    await clock.until(() => done);
    return settled;
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
    shadowLauncher,
    clock,
    bus,
    topics,
    events,
    /** All records of one of the endpoint's topics, `read_committed`. */
    of: async (kind: EndpointTopicKind) => {
      const records: InRecord[] = [];
      const source = { topic: topics.endpoint(ENDPOINT, kind), from: 'earliest', until: 'end' } as const;
      await over(
        (async () => {
          for await (const batch of bus.read(source)) records.push(...batch.records);
        })(),
      );
      return records;
    },
    write,
    /** Waits for `work` while virtual time passes. */
    over,
    rollOut: (candidate: number, strategy: string, options: object = {}) => {
      const rollout = parseRollout({ endpoint: ENDPOINT, candidate, strategy, ...options });
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
    send,
    /** Sends requests, waits for their answers, and returns the versions that gave them, each once. */
    ask: async (requests: number) => {
      const first = answers.length;
      await send(requests);
      await clock.until(() => answers.length >= first + requests);
      return [...new Set(answers.slice(first))].sort().join(' ');
    },
    restartShadow: async () => {
      await over(running[SHADOW]?.stop() ?? Promise.resolve());
      running[SHADOW] = await over(beginShadow());
    },
    reached: (phase: RolloutEvent['phase']) => clock.until(() => events.at(-1)?.phase === phase),
    stop: async () => {
      for (const service of running.reverse()) await over(service.stop());
      await over(Promise.all([services.close(), bus.close()]));
    },
  };
}
