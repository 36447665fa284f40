// Goal: whoever counts a comparison anew from its topics finds what its totals say, whatever time has decided meanwhile, and whatever
//       is wrong with them.
// Method: a comparator on a memory bus under a virtual clock; the content comes with pauses, so that partners come after they were
//         given up.

import { describe, expect, it } from 'vitest';
import { startComparator } from '../../services/comparator/service.ts';
import { memoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { memoryLog } from '../../shared/bus/memory/memory-log.ts';
import { limitsWith } from '../../shared/comparing/limits.ts';
import { readTotals } from '../../shared/comparing/read-totals.ts';
import { type RecountPlace, recountRun } from '../../shared/comparing/recount.ts';
import type { Clock } from '../../shared/domain/clock.ts';
import type { Totals } from '../../shared/domain/comparison.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { silentLog } from '../../shared/telemetry/logger.ts';
import { between, seeded } from '../sim/random.ts';
import { CONTENT_ENDPOINT, CONTENT_LIMITS, CONTENT_PARTITIONS, comparedContent } from '../support/compared-content.ts';
import { ComparedWorld } from '../support/compared-world.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const SEEDS = 8;
const PIECE_MAX = 45;
const STEP_MS = 250;
/** Two ticks, and some time. */
const PAUSE_MS = { min: 35_000, max: 95_000 };
/** Of the steps so many are pauses. */
const PAUSE_SHARE = 0.3;
/** Longer than an unanswered run takes to end. */
const END_MS = 120_000;
const topics = topicsOf('');

/** Totals of a content that came with pauses, and where to count them anew. */
async function comparedWithPauses(seed: number, whole: boolean) {
  const clock = new VirtualClock();
  const bus = memoryBus(memoryLog(), { clock });
  const random = seeded(seed);
  const content = comparedContent({ topics, order: seed, doubled: true });
  const world = new ComparedWorld({ bus, topics, content, pieceMax: PIECE_MAX, random });
  await world.prepare();
  const limits = limitsWith(CONTENT_LIMITS);
  const starting = startComparator({ bus, topics, clock, log: silentLog, limits });
  while (world.unwritten > (whole ? 0 : 3)) {
    await world.writeMore();
    await clock.advance(random() < PAUSE_SHARE ? between(random, PAUSE_MS.min, PAUSE_MS.max) : STEP_MS);
  }
  if (whole) await world.endRuns();
  await clock.advance(whole ? END_MS : STEP_MS);
  await clock.driven(starting.then((running) => running.stop()));
  const { signal } = new AbortController();
  const place: RecountPlace = { bus, topics, clock, endpoint: CONTENT_ENDPOINT, limits, signal };
  const totals = await clock.driven(
    readTotals({ ...place, onUnreadable: (_, error) => expect.unreachable(String(error)) }),
  );
  expect(totals).toHaveLength(3 * CONTENT_PARTITIONS);
  const recounts = (of: readonly Totals[], more: Partial<RecountPlace> = {}) =>
    clock.driven(Promise.all(of.map((one) => recountRun({ ...place, ...more }, one))));
  const differences = async (of: readonly Totals[]) => {
    const recounted = await recounts(of);
    for (const { counts } of recounted) expect(counts).not.toBeNull();
    return recounted.flatMap((one) => one.differences);
  };
  return { totals, differences, recounts, place };
}

/** Aborts when somebody sleeps, as a recount does when it has taken something. */
function abortingAt(clock: Clock): Pick<RecountPlace, 'clock' | 'signal'> {
  const aborting = new AbortController();
  const sleep = (ms: number, signal?: AbortSignal) => {
    aborting.abort();
    return clock.sleep(ms, signal);
  };
  const nowMs = () => clock.nowMs();
  return { clock: { nowMs, monotonicUs: () => clock.monotonicUs(), sleep }, signal: aborting.signal };
}

describe('a recount', () => {
  it('finds what totals say, although partners came after time had given them up', { timeout: 60_000 }, async () => {
    let ticks = 0;
    let withoutTicks = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { totals, differences } = await comparedWithPauses(seed, true);
      expect(await differences(totals), `seed ${seed}`).toEqual([]);
      for (const one of totals) ticks += one.ticks.length;
      withoutTicks += (await differences(totals.map((one) => ({ ...one, ticks: [] })))).length;
    }
    expect(ticks).toBeGreaterThan(SEEDS);
    // Otherwise nothing was decided by time alone, and this test would show nothing.
    expect(withoutTicks).toBeGreaterThan(0);
  });

  it('finds what totals of comparisons say that are still going on', { timeout: 60_000 }, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { totals, differences } = await comparedWithPauses(seed, false);
      expect(totals.some(({ ended }) => ended)).toBe(false);
      expect(await differences(totals), `seed ${seed}`).toEqual([]);
    }
  });

  it('says in what totals differ from the topics', async () => {
    const { totals, differences } = await comparedWithPauses(1, true);
    const bent = totals.map((one) => ({ ...one, counts: { ...one.counts, matched: one.counts.matched + 1 } }));
    expect(await differences(bent)).toHaveLength(bent.length);
    const [first] = totals;
    if (first === undefined) expect.unreachable('there are totals');
    const states = JSON.parse(first.states);
    const [scope = ''] = Object.keys(states);
    delete states[scope];
    expect(await differences([{ ...first, states: JSON.stringify(states) }])).toEqual([
      `what was measured of ${scope} is not the same`,
    ]);
  });

  it('does not begin at the mark of a later owner', async () => {
    const { totals, recounts } = await comparedWithPauses(1, true);
    const paired = totals.filter(({ rollout }) => rollout !== '');
    // As if retention had taken the first mark: the one that is left begins elsewhere.
    const recounted = await recounts(paired.map((one) => ({ ...one, begun: one.begun - 1 })));
    expect(recounted.map(({ counts }) => counts)).toEqual(paired.map(() => null));
  });

  it('that is interrupted says so, while it looks for the beginning and while it counts', async () => {
    const { totals, recounts, place } = await comparedWithPauses(1, true);
    for (const one of totals) {
      const interrupted = { code: 'TIMED_OUT' };
      const early = new AbortController();
      const work = recounts([one], { signal: early.signal });
      early.abort();
      await expect(work).rejects.toMatchObject(interrupted);
      const { signal, clock } = abortingAt(place.clock);
      await expect(recounts([one], { signal, clock })).rejects.toMatchObject(interrupted);
    }
  });
});
