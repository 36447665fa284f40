// Goal: what goes on while a fault lasts, and after it, is judged over all of its time.
// Method: a virtual clock, on which each partition has an answer every 100 ms unless it is told to be silent.

import { expect, it } from 'vitest';
import { Answers } from './answers.ts';
import { type Applied, runFault } from './fault.ts';

const EVERY_MS = 100;
const BAR = { duringMs: 5_000, allMs: 8_000 };
const DRAW = { number: 1, kind: 'pause', target: 0, detail: 0, holdMs: 0, restMs: 0 };
const NOTHING = () => Promise.resolve();

/** Two partitions; `silent` says which has no answer at a time. */
function house(silent: (partition: number, nowMs: number) => boolean) {
  let nowMs = 0;
  const clock = {
    nowMs: () => nowMs,
    monotonicUs: () => 0,
    sleep: async (ms: number) => {
      for (const untilMs = nowMs + ms; nowMs < untilMs; ) {
        nowMs += 10;
        if (nowMs % EVERY_MS > 0) continue;
        for (const partition of [0, 1]) if (!silent(partition, nowMs)) answers.note(partition, 1);
      }
    },
  };
  const answers = new Answers(2, clock);
  const run = async (applied: Partial<Applied> | null, work = NOTHING) => {
    const usual = { target: 'router-1', concerned: [], bar: BAR, holdMs: 8_000, heal: NOTHING };
    const apply = async () => (applied === null ? null : { ...usual, ...applied, work: work() });
    return runFault({ house: { answers, heal: NOTHING }, clock }, DRAW, apply);
  };
  return { run, clock, nowMs: () => nowMs };
}

it('a fault in which all go on has no problems, and lasts as long as it should', async () => {
  const { run, nowMs } = house(() => false);
  expect(await run({})).toMatchObject({ target: 'router-1', stallDuringMs: EVERY_MS, problems: [] });
  expect(nowMs()).toBeGreaterThan(8_000);
});

it('a silence late in the fault counts, though answers came when it began', async () => {
  const { run } = house((partition, nowMs) => partition === 1 && nowMs > 1_000 && nowMs < 7_000);
  const { stallDuringMs, problems } = await run({});
  expect(stallDuringMs).toBe(6_000);
  expect(problems).toEqual(['fault 1, pause of router-1: a silence of 6000 ms while it lasted, over 5000']);
});

it('a partition that is concerned may wait until it is over, but not for longer than its bar', async () => {
  const waits = (untilMs: number) => house((partition, nowMs) => partition === 1 && nowMs < untilMs);
  expect(await waits(8_000).run({ concerned: [1] })).toMatchObject({ stallDuringMs: EVERY_MS, problems: [] });
  expect(await waits(9_000).run({ concerned: [1] })).toMatchObject({
    problems: ['fault 1, pause of router-1: a silence of 9000 ms in all, over 8000'],
  });
});

it('answers that were under way when it began are no progress, even of a fault that is over at once', async () => {
  let healed = false;
  const { run } = house((_, nowMs) => nowMs > 1_000 && !healed);
  const heal = async () => {
    healed = true;
  };
  const { problems } = await run({ holdMs: 0, heal });
  expect(problems[0]).toBe('fault 1, pause of router-1: no progress during it in partitions 0,1');
});

it('a fault lasts until its work is done, and what that throws is told', async () => {
  const done: string[] = [];
  const { run, clock } = house(() => false);
  const work = async () => {
    // Behind whatever else is due now.
    for (let turn = 0; turn < 1_000; turn++) await clock.sleep(0);
    done.push('work');
  };
  const heal = async () => {
    done.push('heal');
  };
  expect(await run({ heal }, work)).toMatchObject({ problems: [] });
  expect(done).toEqual(['work', 'heal']);
  const { problems } = await run({}, () => Promise.reject(new RangeError('no port is free')));
  expect(problems).toEqual(['fault 1, pause of router-1: no port is free']);
});

it('a partition that never comes back is named', async () => {
  const { run } = house((partition) => partition === 0);
  const { problems } = await run({ concerned: [0] });
  expect(problems[0]).toBe('fault 1, pause of router-1: no recovery of partitions 0');
});

it('what finds nothing to hit is no fault', async () => {
  const { run } = house(() => false);
  expect(await run(null)).toMatchObject({ target: '', problems: [] });
});
