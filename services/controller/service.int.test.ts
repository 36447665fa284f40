// Goal: the controller on a real broker: it acts on records and not on a timer, and a leader change in the middle of a rollout.
// Method: real service and bus; the test plays users and workers, and reads the plans back.

import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Bus } from '../../shared/bus/bus.ts';
import { kafkaBus } from '../../shared/bus/kafka/kafka-bus.ts';
import { decodeControl, encodeControl } from '../../shared/codec/control.ts';
import type { RoutePlan } from '../../shared/domain/route-plan.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { workerKey } from '../../shared/domain/worker.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { parseRollout } from '../../shared/strategies/registry.ts';
import { silentLog } from '../../shared/telemetry/logger.ts';
import { describeWithBroker } from '../../test/support/broker.ts';
import { digestOf, ENDPOINT, PARTITIONS, report, SIGNATURE } from '../../test/support/controller-story.ts';
import { type RunningController, startController } from './service.ts';

/**
 * A leader without records looks around once a second (leader.ts). Had commands to wait for that, each would take the whole
 * second, as the next one is sent when a plan has come; so one that takes less than half of it was acted on by itself.
 */
const UNTIMED_MS_MAX = 500;
const PLAN_WAIT_MS = 20_000;
const repository = {
  manifest: async (_: string, version: number) => ({ digest: digestOf(version), signature: SIGNATURE }),
};

describeWithBroker('the controller on Kafka', ({ brokers, prefix }) => {
  const topics = topicsOf(prefix);
  const plans: RoutePlan[] = [];
  const arrivals = new Map<number, number>();
  let bus: Bus;
  let controller: RunningController;
  let clients: Bus[] = [];

  async function start(): Promise<void> {
    const own = kafkaBus({ brokers, clientId: 'controller-test', clock, onNotice: () => {} });
    clients.push(own);
    controller = await startController({ bus: own, topics, clock, repository, log: silentLog });
  }

  async function write(kind: 'endpoints' | 'rollouts' | 'commands' | 'workers', value: Uint8Array, key = ENDPOINT) {
    const topic = topics.control(kind);
    await bus.write([{ topic, partition: 0, key: new TextEncoder().encode(key), value, headers: [] }]);
    return clock.nowMs();
  }

  async function ready(version: number): Promise<number> {
    const told = report(version, 'READY', clock.nowMs());
    return write('workers', encodeControl('worker', told), workerKey(told));
  }

  function shares(): string {
    return (
      plans
        .at(-1)
        ?.shares.map(({ lane, weightBp }) => `${lane} ${weightBp}`)
        .join(', ') ?? 'no plan'
    );
  }

  /** Milliseconds from `sinceMs` until the plan that says `wanted` was read. */
  async function reached(wanted: string, sinceMs: number): Promise<number> {
    await vi.waitFor(() => expect(shares()).toBe(wanted), { timeout: PLAN_WAIT_MS, interval: 5 });
    return (arrivals.get(plans.at(-1)?.revision ?? 0) ?? 0) - sinceMs;
  }

  beforeAll(async () => {
    bus = kafkaBus({ brokers, clientId: 'test', clock, onNotice: () => {} });
    clients = [bus];
    await start();
    void follow();
    await write(
      'endpoints',
      encodeControl('endpoint', {
        ...{ endpoint: ENDPOINT, partitions: PARTITIONS, delivery: 'exactly-once', road: 'lanes', ordering: 'per-key' },
      }),
    );
    await write(
      'rollouts',
      encodeControl('rollout', parseRollout({ endpoint: ENDPOINT, candidate: 1, strategy: 'basic' })),
    );
    await vi.waitFor(() => expect(plans).toHaveLength(1), { timeout: PLAN_WAIT_MS });
  });

  async function follow(): Promise<void> {
    for await (const batch of bus.read({ topic: topics.control('plans'), from: 'earliest', until: 'never' })) {
      for (const record of batch.records) {
        const plan = decodeControl('plan', record);
        plans.push(plan);
        arrivals.set(plan.revision, clock.nowMs());
      }
    }
  }

  afterAll(async () => {
    await controller?.stop();
    await Promise.all(clients.map((client) => client.close()));
  });

  it('makes a plan of a worker report', async () => {
    await reached('blue 10000', await ready(1));
  });

  it('makes a plan of every command, by itself and not by a timer', async () => {
    await write(
      'rollouts',
      encodeControl('rollout', parseRollout({ endpoint: ENDPOINT, candidate: 2, strategy: 'canary' })),
    );
    await reached('green 0, blue 10000', 0);
    await reached('green 1000, blue 9000', await ready(2));
    const times: number[] = [];
    for (let step = 1; step <= 10; step++) {
      const told = report(2, 'READY', clock.nowMs());
      await write('workers', encodeControl('worker', told), workerKey(told));
      const command = {
        endpoint: ENDPOINT,
        verb: 'set-weight',
        weightBp: 1_000 + step,
        actor: 'test',
        reason: '',
      } as const;
      const sentMs = await write(
        'commands',
        encodeControl('command', { ...command, idempotencyKey: `weight-${step}` }),
      );
      times.push(await reached(`green ${1_000 + step}, blue ${9_000 - step}`, sentMs));
    }
    expect(Math.min(...times)).toBeLessThan(UNTIMED_MS_MAX);
  });

  it('goes on under a new leader', async () => {
    await controller.stop();
    const command = { endpoint: ENDPOINT, verb: 'abort', actor: 'test', reason: '', idempotencyKey: 'abort' } as const;
    await write('commands', encodeControl('command', command));
    await start();
    await reached('green 0, blue 10000', 0);
    expect(plans.at(-1)?.revoked).toMatchObject([{ version: 2 }]);
  });
});
