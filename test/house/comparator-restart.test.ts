// Goal: a comparator that is killed at any moment and started again counts what one that never was killed counts; doubled
//       records, another order within the window, and a replay change nothing.
// Method: a fixed content on a memory log under a virtual clock; kills by time and inside commits; totals against a reference.

import { beforeAll, expect, it } from 'vitest';
import { startComparator } from '../../services/comparator/service.ts';
import type { LogHooks } from '../../shared/bus/memory/hooks.ts';
import { type MemoryBus, memoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { memoryLog } from '../../shared/bus/memory/memory-log.ts';
import { limitsWith } from '../../shared/comparing/limits.ts';
import { isCi } from '../../shared/config/ci.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { silentLog } from '../../shared/telemetry/logger.ts';
import { between, pick, seeded } from '../sim/random.ts';
import { CONTENT_LIMITS, CONTENT_PARTITIONS, comparedContent } from '../support/compared-content.ts';
import type { Counted } from '../support/compared-counts.ts';
import { ComparedWorld } from '../support/compared-world.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** The rest of the hundred under CI: `npm run check` is to stay short. */
const TRIALS = isCi(process.env) ? 100 : 20;
const STEP_MS = 250;
/** Records of one piece: the content takes some ten virtual seconds. */
const PIECE_MAX = 45;
const SESSION_MS = 1_000;
/** A run ends five quiet seconds after its plan. */
const LOOK_MS = 7_000;
const END_MS = 90_000;
const topics = topicsOf('');

type Moment = 'time' | 'before-append' | 'before-commit' | 'after-commit';

interface Trial {
  /** Draws the pieces in which the content comes; null: it is there already. */
  readonly pace: number | null;
  readonly content: ReturnType<typeof comparedContent>;
  /** Seed of the kills; null: none. */
  readonly kills: number | null;
}

/** Starts comparators one after another; each is killed at a moment of the list. */
class Victims {
  readonly #log: ReturnType<typeof memoryLog>;
  readonly #clock: VirtualClock;
  readonly #moments: { readonly moment: Moment; countdown: number }[];
  readonly hooks: LogHooks;
  #bus: MemoryBus | null = null;
  killed = 0;
  #restartMs = 0;

  constructor(clock: VirtualClock, kills: number | null) {
    const random = seeded(kills ?? 0);
    const moments: Moment[] = ['time', 'before-append', 'before-commit', 'after-commit'];
    this.#clock = clock;
    this.#moments = Array.from({ length: kills === null ? 0 : between(random, 1, 4) }, () => {
      const moment = pick(random, moments);
      return { moment, countdown: between(random, 1, moment === 'time' ? 24 : 7) };
    });
    const on = (moment: Moment) => (context: { readonly client: string }) => {
      if (context.client.startsWith('comparator')) this.#pass(moment);
    };
    this.hooks = {
      beforeAppend: on('before-append'),
      beforeCommit: on('before-commit'),
      afterCommit: on('after-commit'),
    };
    this.#log = memoryLog({ hooks: this.hooks });
  }

  get log() {
    return this.#log;
  }

  step(): void {
    if (this.#bus === null && this.#clock.nowMs() >= this.#restartMs) this.#start();
    this.#pass('time');
  }

  #start(): void {
    const name = `comparator-${this.killed}`;
    const bus = memoryBus(this.#log, { clock: this.#clock, name, sessionTimeoutMs: SESSION_MS });
    this.#bus = bus;
    const limits = limitsWith(CONTENT_LIMITS);
    startComparator({ bus, topics, clock: this.#clock, log: silentLog, limits }).catch(() => {});
  }

  #pass(moment: Moment): void {
    const [next] = this.#moments;
    if (this.#bus === null || next?.moment !== moment) return;
    next.countdown -= 1;
    if (next.countdown > 0) return;
    this.#moments.shift();
    this.#bus.crash();
    this.#bus = null;
    this.killed += 1;
    this.#restartMs = this.#clock.nowMs() + 200;
  }
}

async function counted({ pace, content, kills }: Trial): Promise<{ counts: Counted; killed: number }> {
  const clock = new VirtualClock();
  const victims = new Victims(clock, kills);
  const bus = memoryBus(victims.log, { clock, name: 'users' });
  const world = new ComparedWorld({ bus, topics, content, pieceMax: PIECE_MAX, random: seeded(pace ?? 0) });
  await world.prepare();
  do {
    await (pace === null ? world.writeRest() : world.writeMore());
    victims.step();
    await clock.advance(STEP_MS);
  } while (world.unwritten > 0);
  await world.endRuns();
  for (let waitedMs = 1_000; waitedMs < END_MS; waitedMs += 1_000) {
    victims.step();
    await clock.advance(1_000);
    if (waitedMs % LOOK_MS !== 0) continue;
    const counts = await clock.driven(world.counted());
    if (counts !== null) return { counts, killed: victims.killed };
  }
  throw new RangeError(`not counted within ${END_MS} ms`);
}

const plain = comparedContent({ topics, order: 1, doubled: false });
const doubled = comparedContent({ topics, order: 2, doubled: true });
let reference: Counted;
beforeAll(async () => {
  reference = (await counted({ pace: 1, content: doubled, kills: null })).counts;
});

it('the content holds every kind of outcome', () => {
  const sums: Record<string, number> = {};
  for (const { counts } of Object.values(reference)) {
    for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count;
  }
  for (const [name, count] of Object.entries(sums)) expect(count, name).toBeGreaterThan(0);
  expect(Object.keys(reference)).toHaveLength(3 * CONTENT_PARTITIONS);
});

it(`gives the same totals ${TRIALS} times, killed at random moments`, { timeout: 120_000 }, async () => {
  let kills = 0;
  for (let seed = 1; seed <= TRIALS; seed++) {
    const trial = await counted({ pace: seed, content: doubled, kills: seed });
    expect(trial.counts, `trial ${seed}`).toEqual(reference);
    kills += trial.killed;
  }
  expect(kills).toBeGreaterThan(TRIALS);
});

it('gives the same totals for another order within the window and without doubles, doubles aside', async () => {
  const { counts } = await counted({ pace: 3, content: plain, kills: null });
  const essence = (of: Counted) =>
    Object.fromEntries(
      Object.entries(of).map(([run, one]) => [run, { counts: { ...one.counts, duplicate: 0 }, states: one.states }]),
    );
  expect(essence(counts)).toEqual(essence(reference));
});

it('gives the same totals when the topics are there already: a replay', async () => {
  const { counts } = await counted({ pace: null, content: doubled, kills: null });
  expect(counts).toEqual(reference);
});
