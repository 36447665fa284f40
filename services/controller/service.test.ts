// Goal: the controller over topics: the gate, refusals, commands, and what happens when leaders come and go.
// Method: real service, real codec, memory broker, virtual clock; users, routers and scorers are played by the test.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MillraceError } from '../../shared/domain/errors.ts';
import { laneGroup } from '../../shared/domain/groups.ts';
import type { TopicSpec } from '../../shared/domain/topics.ts';
import { WORKER_EXPIRY_MS } from '../../shared/domain/worker.ts';
import { ENDPOINT, PARTITIONS } from '../../test/support/controller-story.ts';
import { ControllerWorld } from '../../test/support/controller-world.ts';
import { SNAPSHOT_EVENTS } from './core/snapshot.ts';

let world: ControllerWorld;
beforeEach(() => {
  world = new ControllerWorld();
});
afterEach(async () => {
  const seqs = world.events.filter((event) => event.seq > 0).map((event) => event.seq);
  expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  await world.stop();
});

describe('a leader', () => {
  it('creates the topics of a new endpoint before it publishes anything about it', async () => {
    const { bus } = await world.start();
    await world.define();
    expect(world.story).toBe('endpoint-defined');
    expect(await bus.admin.partitions(world.topics.lane(ENDPOINT, 'blue'))).toBe(PARTITIONS);
  });

  it('waits out an outage at its start', async () => {
    let failures = 3;
    await world.start('controller', (bus) => {
      const { createTopics } = bus.admin;
      Object.assign(bus.admin, {
        createTopics: (specs: readonly TopicSpec[]) => {
          if (failures-- > 0) throw new MillraceError('BROKER_UNREACHABLE', { brokers: 'a:1', detail: 'away' });
          return createTopics(specs);
        },
      });
    });
    await world.define();
    expect(failures).toBeLessThan(0);
    expect(world.story).toBe('endpoint-defined');
  });

  it('makes no topics for a record that it refuses', async () => {
    const { bus } = await world.start();
    await world.serveFirst();
    const before = await bus.admin.topics();
    let asked = 0;
    Object.assign(bus.admin, { createTopics: async () => void asked++ });
    await world.define({ delivery: 'at-least-once' });
    expect(world.events.at(-1)).toMatchObject({ type: 'endpoint-refused', code: 'ENDPOINT_CHANGED' });
    expect([asked, await bus.admin.topics()]).toEqual([0, before]);
  });

  it("decides an abort while another endpoint's topics are being made", async () => {
    const { bus } = await world.start();
    await world.serveFirst();
    await world.rollOut(2, 'canary');
    await world.report('READY', 1, 2);
    Object.assign(bus.admin, { createTopics: () => new Promise(() => undefined) });
    await world.define({ endpoint: 'other' }, 'other');
    await world.command('abort');
    expect(world.shares).toBe('green v2 0, blue v1 10000');
  });

  it('gives no traffic to a version before every owner is READY', async () => {
    await world.start();
    await world.define();
    await world.rollOut(1, 'basic');
    expect(world.shares).toBe('');
    await world.report('LOADING', 1);
    await world.clock.advance(2_000);
    expect(world.plans).toHaveLength(1);
    await world.report('READY', 1);
    expect(world.shares).toBe('blue v1 10000');
    expect(world.plan).toMatchObject({ revision: 2, evidence: ['w1:blue:0', 'w1:blue:1'] });
  });

  it('sees reports that were there before the rollout', async () => {
    await world.start();
    await world.define();
    await world.report('READY', 1);
    await world.rollOut(1, 'basic');
    expect(world.shares).toBe('blue v1 10000');
  });

  it('answers a refused rollout with an event and leaves the plan alone', async () => {
    await world.start();
    await world.serveFirst();
    await world.rollOut(2, 'canary');
    const { plan } = world;
    await world.rollOut(3, 'canary');
    expect(world.events.at(-1)).toMatchObject({ type: 'rollout-refused', code: 'ROLLOUT_IN_PROGRESS' });
    expect(world.plan).toBe(plan);
  });

  it('refuses a rollout only after it has read the endpoints that were written before it', async () => {
    const late = new ControllerWorld({
      onDeliver: ({ client, topic }) =>
        client === 'controller' && topic.endsWith('.endpoints') ? late.clock.sleep(50) : undefined,
    });
    await late.start();
    await late.define();
    await late.rollOut(1, 'basic');
    await late.clock.advance(500);
    expect(late.story).toBe('endpoint-defined rollout-accepted plan-published');
    await late.stop();
  });

  it('answers a missing package, an unreadable record and a wrong key by code, and goes on', async () => {
    await world.start();
    await world.serveFirst();
    await world.rollOut(9, 'canary');
    expect(world.events.at(-1)).toMatchObject({ type: 'rollout-refused', code: 'PACKAGE_MISSING' });
    for (const topic of ['rollouts', 'commands', 'endpoints'] as const) {
      await world.write(topic, new Uint8Array([1, 2, 3, 4, 5]), 'digits');
      expect(world.events.at(-1)?.type).toMatch(/-refused$/);
      expect(world.events.at(-1)?.consumed?.topic).toBe(topic);
    }
    await world.rollOut(2, 'canary');
    expect(world.plan.lanes.green?.version).toBe(2);
  });

  it('turns an abort into a plan without waiting for anything', async () => {
    await world.start();
    await world.serveFirst();
    await world.rollOut(2, 'canary');
    await world.report('READY', 1, 2);
    expect(world.shares).toBe('green v2 1000, blue v1 9000');
    const askedMs = world.clock.nowMs();
    await world.command('abort');
    expect(world.shares).toBe('green v2 0, blue v1 10000');
    expect(world.plan.revoked).toMatchObject([{ version: 2 }]);
    expect(world.clock.nowMs()).toBe(askedMs);
  });

  it('releases a lane only when all cuts have landed and its group has committed everything', async () => {
    await world.start();
    await world.serveFirst();
    await world.rollOut(2, 'basic');
    await world.queue('blue');
    await world.report('READY', 1, 2);
    expect(world.shares).toBe('blue v1 0, green v2 10000');
    await world.clock.advance(3_000);
    await world.score();
    await world.clock.advance(3_000);
    expect(world.events.at(-1)).toMatchObject({ type: 'plan-published', phase: 'promoted-draining' });
    await world.cut();
    await world.clock.until(() => world.shares === 'green v2 10000');
    expect(world.story).toMatch(/lane-drained rollout-completed plan-published$/);
  });

  it('releases a lane though a record on its cuts cannot be read', async () => {
    await world.start();
    await world.serveFirst();
    await world.rollOut(2, 'basic');
    await world.report('READY', 1, 2);
    await world.spoilCuts();
    await world.cut();
    await world.score();
    await world.clock.until(() => world.shares === 'green v2 10000');
  });

  it('does not release a lane whose records nobody scores', async () => {
    await world.start();
    await world.serveFirst();
    await world.rollOut(2, 'basic');
    await world.queue('blue', 1);
    await world.report('READY', 1, 2);
    await world.cut();
    await world.clock.advance(5_000);
    expect(world.plan.lanes.blue?.version).toBe(1);
  });

  it('takes an endpoint away with a tombstone on the plans', async () => {
    await world.start();
    await world.serveFirst();
    await world.write('endpoints', null);
    expect(world.events.at(-1)?.type).toBe('endpoint-removed');
    expect(world.plans.at(-1)).toBeNull();
  });
});

describe('a new leader', () => {
  it('goes on in the middle of a rollout', async () => {
    const first = await world.start('first');
    await world.serveFirst();
    await world.rollOut(2, 'canary');
    await first.stop();
    await world.report('READY', 1, 2);
    expect(world.plans).toHaveLength(3);
    await world.start('second');
    await world.clock.until(() => world.shares === 'green v2 1000, blue v1 9000');
    await world.command('promote');
    expect(world.shares).toBe('blue v1 0, green v2 10000');
  });

  it('reads endpoint, rollout and command in an order that makes sense, whatever came first', async () => {
    const first = await world.start('first');
    await first.stop();
    await world.command('abort');
    await world.rollOut(1, 'basic');
    await world.define();
    await world.start('second');
    await world.clock.until(() => world.story.includes('aborted'));
    expect(world.story).toBe(
      'endpoint-defined rollout-accepted plan-published aborted rollout-completed plan-published',
    );
  });

  it('does not decide again what the journal holds', async () => {
    const first = await world.start('first');
    await world.serveFirst();
    await world.rollOut(2, 'canary');
    await world.command('abort');
    await first.stop();
    const { length } = world.events;
    await world.start('second');
    await world.clock.advance(5_000);
    expect(world.events).toHaveLength(length);
    await world.rollOut(3, 'canary');
    expect(world.plan.lanes.green?.version).toBe(3);
  });

  it('reads from the newest snapshot on, and knows the same', async () => {
    const first = await world.start('first');
    await world.serveFirst();
    await world.rollOut(2, 'canary');
    await world.report('READY', 1, 2);
    for (let count = 0; count < SNAPSHOT_EVENTS; count++) await world.rollOut(2, 'canary');
    expect(world.story).toMatch(/noted snapshot snapshot( noted)+$/);
    await first.stop();
    await world.start('second');
    await world.command('promote');
    expect(world.shares).toBe('blue v1 0, green v2 10000');
  });

  it('ends an older one that still thinks it leads', async () => {
    const first = await world.start('first');
    await world.serveFirst();
    first.bus.stall(true);
    await world.start('second');
    await world.clock.advance(15_000);
    await world.rollOut(2, 'canary');
    await world.clock.advance(5_000);
    expect(world.story.match(/rollout-accepted/g)).toHaveLength(2);
    first.bus.stall(false);
    await world.clock.advance(15_000);
    await world.report('READY', 1, 2);
    await world.clock.until(() => world.shares === 'green v2 1000, blue v1 9000');
  });
});

describe('a command', () => {
  it('that is sent twice acts once', async () => {
    await world.start();
    await world.serveFirst();
    await world.rollOut(2, 'canary');
    await world.report('READY', 1, 2);
    await world.command('promote', 'same');
    const { length } = world.plans;
    await world.command('promote', 'same');
    expect(world.events.at(-1)).toMatchObject({ type: 'noted', idempotencyKey: 'same' });
    expect(world.plans).toHaveLength(length);
  });

  it.each(['beforeAppend', 'beforeCommit', 'afterCommit'] as const)(
    'acts once when its commit fails %s',
    async (at) => {
      let fails = 0;
      await world.stop();
      world = new ControllerWorld({
        [at]: ({ client }: { client: string }) => {
          if (client === 'controller' && fails > 0) {
            fails--;
            throw new RangeError('the broker hung up');
          }
        },
      });
      await world.start();
      await world.serveFirst();
      await world.rollOut(2, 'canary');
      fails = 1;
      await world.command('abort');
      await world.clock.until(() => world.story.includes('aborted'));
      await world.clock.advance(10_000);
      expect(fails).toBe(0);
      expect(world.story.match(/aborted/g)).toHaveLength(1);
      expect(world.story).not.toMatch(/refused/);
    },
  );
});

describe('a scorer that falls silent', () => {
  it('has what it left open ended once, when it has missed three heartbeats and nobody took over', async () => {
    const { bus } = await world.start();
    await world.serveFirst();
    const fenced: unknown[] = [];
    Object.assign(bus.admin, { fence: async (of: unknown) => void fenced.push(of) });
    await world.report('READY', 1);
    await world.clock.advance(WORKER_EXPIRY_MS);
    expect(fenced).toEqual([]);
    await world.clock.advance(10_000);
    const lanes = (['blue', 'green'] as const).flatMap((lane) =>
      [0, 1].map((partition) => ({
        group: laneGroup(world.topics.prefix, ENDPOINT, lane),
        topic: world.topics.lane(ENDPOINT, lane),
        partition,
      })),
    );
    expect(fenced).toEqual(lanes);
    await world.report('READY', 1);
    await world.clock.advance(1_000);
    await world.clock.advance(2 * WORKER_EXPIRY_MS);
    expect(fenced).toEqual([...lanes, ...lanes]);
  });

  it('is tried again when the broker refuses', async () => {
    const { bus } = await world.start();
    await world.serveFirst();
    let failures = 1;
    let fenced = 0;
    Object.assign(bus.admin, {
      fence: async () => {
        if (failures-- > 0) throw new MillraceError('BROKER_UNREACHABLE', { brokers: 'a:1', detail: 'away' });
        fenced += 1;
      },
    });
    await world.report('READY', 1);
    await world.clock.advance(WORKER_EXPIRY_MS + 5_000);
    expect(fenced).toBe(4);
  });
});
