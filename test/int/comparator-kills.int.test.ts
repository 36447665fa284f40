// Goal: comparator processes that are killed at any moment, one after another, count on Kafka what one counts that never was.
// Method: several worlds on one broker, each with its processes, which die by SIGKILL at random (killed-lives.ts) while the content
//         comes; what the topics hold of each says what the kills met. Reference: a comparator on a memory log, left in peace.

import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Bus } from '../../shared/bus/bus.ts';
import { kafkaBus } from '../../shared/bus/kafka/kafka-bus.ts';
import { isCi } from '../../shared/config/ci.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { seeded } from '../sim/random.ts';
import { describeWithBroker } from '../support/broker.ts';
import { CONTENT_LIMITS, type Content, comparedContent } from '../support/compared-content.ts';
import { ComparedWorld, undisturbed } from '../support/compared-world.ts';
import { eventually } from '../support/eventually.ts';
import { KilledLives, PHASES, type Phase } from '../support/killed-lives.ts';
import { Fleet } from '../support/service-process.ts';

/** The hundred under CI. Of fewer, chance may leave a phase out. */
const { WORLDS, KILLS_PER_WORLD, LEAST_PER_PHASE } = isCi(process.env)
  ? { WORLDS: 5, KILLS_PER_WORLD: 20, LEAST_PER_PHASE: 1 }
  : { WORLDS: 4, KILLS_PER_WORLD: 3, LEAST_PER_PHASE: 0 };
const KILLS = WORLDS * KILLS_PER_WORLD;
const PIECE_MAX = 15;
const SETTINGS = {
  // Who was killed holds its partitions for so long.
  MILLRACE_SESSION_TIMEOUT_MS: '1500',
  MILLRACE_TRANSACTION_TIMEOUT_MS: '1000',
  MILLRACE_HEARTBEAT_INTERVAL_MS: '300',
  MILLRACE_JOIN_WINDOW: String(CONTENT_LIMITS.window),
  MILLRACE_LABEL_WINDOW: String(CONTENT_LIMITS.labelWindow),
  MILLRACE_METRIC_WINDOW_MS: String(CONTENT_LIMITS.windowMs),
};
const WAIT_MS = 60_000;
const TEST_MS = 240_000;

interface House {
  readonly content: Content;
  readonly world: ComparedWorld;
  readonly fleet: Fleet;
  readonly lives: KilledLives;
}

describeWithBroker('comparator processes that are killed', ({ brokers, prefix }) => {
  let bus: Bus;
  let houses: House[] = [];

  beforeAll(() => {
    bus = kafkaBus({ brokers, clientId: 'comparator-kills-test', clock, onNotice: () => {} });
    houses = Array.from({ length: WORLDS }, (_, index) => {
      const topics = topicsOf(`${prefix}${index}.`);
      const content = comparedContent({ topics, order: index, doubled: true });
      const world = new ComparedWorld({ bus, topics, content, pieceMax: PIECE_MAX, random: seeded(index) });
      const fleet = new Fleet({ brokers, prefix: topics.prefix, more: SETTINGS });
      return { content, world, fleet, lives: new KilledLives({ bus, world, fleet, random: seeded(KILLS + index) }) };
    });
  });

  afterAll(async () => {
    await Promise.all(houses.map(({ fleet }) => fleet.stop()));
    await bus.close();
  });

  it(
    `count what one counts that is left in peace: ${KILLS} kills`,
    async () => {
      const phases: Record<Phase, number> = { starting: 0, reading: 0, counting: 0, open: 0 };
      const lived = houses.map(async ({ world, fleet, lives }) => {
        await world.prepare();
        await lives.live(KILLS_PER_WORLD);
        await fleet.start('comparator').ready();
        await world.writeRest();
        await world.endRuns();
      });
      await Promise.all(lived);
      for (const { content, world, fleet, lives } of houses) {
        const counted = await eventually('everything is counted', () => world.counted(), { timeoutMs: WAIT_MS });
        expect(counted).toEqual(await undisturbed(world.topics, content));
        expect(await fleet.stop()).toEqual([0]);
        expect(fleet.processes.filter(({ killed }) => killed)).toHaveLength(KILLS_PER_WORLD);
        for (const phase of await lives.phases()) phases[phase] += 1;
      }
      for (const phase of PHASES)
        expect(phases[phase], `${phase} of ${JSON.stringify(phases)}`).toBeGreaterThanOrEqual(LEAST_PER_PHASE);
    },
    TEST_MS,
  );
});
