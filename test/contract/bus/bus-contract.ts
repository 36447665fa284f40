// Bus contract: what every implementation of the bus port does, told as behaviour.
// Use: busContract('memory', () => makeFixture(), 'prefix.'); one fixture serves the whole suite, one world each test.
// Invariant: no fixed sleeps; it runs against a live broker in a few minutes, and in memory in seconds.

import { afterAll, beforeAll, describe, test } from 'vitest';
import { isolationBehaviour, overlapBehaviour } from './isolation.ts';
import { atLeastOnceBehaviour, commitBehaviour, orderBehaviour, restartBehaviour } from './owning.ts';
import { followingBehaviour, readingBehaviour } from './reading.ts';
import { sharingBehaviour } from './sharing.ts';
import { takingBehaviour, waitingBehaviour } from './taking.ts';
import { recordBehaviour, sizeBehaviour, topicBehaviour } from './topics-and-records.ts';
import { type Behave, type BusFixture, World } from './world.ts';
import { leftOutBehaviour, strangerBehaviour, zombieBehaviour } from './zombies.ts';

const TEST_TIMEOUT_MS = 120_000;

const SECTIONS: Readonly<Record<string, (behave: Behave) => void>> = {
  topics: topicBehaviour,
  records: recordBehaviour,
  'record size': sizeBehaviour,
  reading: readingBehaviour,
  following: followingBehaviour,
  isolation: isolationBehaviour,
  'overlapping transactions': overlapBehaviour,
  'order of steps': orderBehaviour,
  commits: commitBehaviour,
  restarts: restartBehaviour,
  'at-least-once': atLeastOnceBehaviour,
  taking: takingBehaviour,
  waiting: waitingBehaviour,
  sharing: sharingBehaviour,
  zombies: zombieBehaviour,
  strangers: strangerBehaviour,
  'steps left out': leftOutBehaviour,
};

/** @param prefix begins every topic and group name; unique per run on a shared broker */
export function busContract(name: string, makeBus: () => Promise<BusFixture>, prefix: string): void {
  describe(`the ${name} bus`, () => {
    let fixture: BusFixture;
    let made = 0;
    beforeAll(async () => {
      fixture = await makeBus();
    });
    afterAll(async () => {
      await fixture.close();
    });
    const behave: Behave = (title, run) => {
      test(
        title,
        async () => {
          const world = new World(fixture, `${prefix}${++made}.`, title);
          await run(world).finally(() => world.end());
        },
        TEST_TIMEOUT_MS,
      );
    };
    for (const [section, describeSection] of Object.entries(SECTIONS)) describe(section, () => describeSection(behave));
  });
}
