// JudgeShadow: what the shadows and comparators of a chaos run are held to: that every comparison ends by itself, and a recount.
// Flow: everything answered → E.totals until every comparison has ended → [shadowVerdict]: recount → problems and figures.
// Invariant: nothing is under way any more, so all counts must be there, and nothing may have come late or twice.

import { DIGITS_ENDPOINT } from '../../demo/data/digits.ts';
import { joinCountsSchema, runKey } from '../../shared/domain/comparison.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { miscounted, type RecountedRun, recount } from '../support/recount.ts';
import { PARTITIONS, type World } from './world.ts';

const PROBLEMS_MAX = 20;
/** Without another answer counted or comparison ended: a run that nothing names any more waits a minute for answers that are missing. */
const STANDS_STILL_MS = 150_000;
/** In all: comparators have the lowest priority, and what two full cores left to them they count in the end. */
const ENDS_WITHIN_MS = 900_000;
const POLL_MS = 500;
const ALL_COUNTS = joinCountsSchema.keyof().options;
/** Key of the answers without a pair. */
const LIVE = runKey({ rollout: '', version: 0 });

export interface ShadowFigures {
  /** Shadows of rollouts, and partitions in which they were compared. */
  readonly runs: number;
  readonly comparisons: number;
  readonly outputs: number;
  readonly pairs: number;
  readonly labelledPairs: number;
  /** Requests of their samples that they passed over. */
  readonly skipped: number;
}

/** Waits until all is compared, then judges. The comparators must still run. */
export async function shadowVerdict(world: World): Promise<{ figures: ShadowFigures; problems: string[] }> {
  const unfinished = await ended(world);
  const { bus, topics } = world;
  const place = { bus, topics, endpoint: DIGITS_ENDPOINT, partitions: PARTITIONS };
  const { runs, problems } = await recount({ ...place, totals: world.totals.all() });
  const shadows = runs.filter(({ run }) => run !== LIVE);
  const open = shadows.filter(({ totals }) => totals?.ended !== true);
  const sum = (of: (run: RecountedRun) => number) => shadows.reduce((total, run) => total + of(run), 0);
  const figures = {
    runs: new Set(shadows.map(({ run }) => run)).size,
    comparisons: shadows.length,
    outputs: sum(({ outputs }) => outputs),
    pairs: sum(({ totals }) => totals?.counts.matched ?? 0),
    labelledPairs: sum(({ totals }) => totals?.counts.labelled ?? 0),
    skipped: sum(({ due }) => due.skipped),
  };
  const found = [
    ...unfinished,
    ...problems,
    ...miscounted(runs, ALL_COUNTS),
    ...open.map(({ run, partition }) => `${run}: its comparison in partition ${partition} does not end`),
  ];
  return { figures, problems: found.slice(0, PROBLEMS_MAX) };
}

/** Waits until every answer is counted and every run has ended. @returns what is lacking when that stands still, or takes too long */
async function ended({ totals, answers, say }: World): Promise<string[]> {
  const lacking = () => {
    const all = [...totals.all().values()];
    const live = all.filter((one) => runKey(one) === LIVE);
    const uncounted = answers.total - live.reduce((sum, { counts }) => sum + counts.matched, 0);
    const open = all.filter((one) => !one.ended && !live.includes(one)).length;
    return { uncounted, open };
  };
  const startMs = clock.nowMs();
  let left = lacking();
  let movedMs = startMs;
  while (left.uncounted > 0 || left.open > 0) {
    const nowMs = clock.nowMs();
    if (nowMs - movedMs > STANDS_STILL_MS || nowMs - startMs > ENDS_WITHIN_MS) {
      const { uncounted, open } = left;
      return [`${nowMs - startMs} ms later ${uncounted} answers are not counted, ${open} comparisons are open`];
    }
    await clock.sleep(POLL_MS);
    const now = lacking();
    if (now.uncounted < left.uncounted || now.open < left.open) movedMs = clock.nowMs();
    left = now;
  }
  say(`every answer is counted, ${Math.round((clock.nowMs() - startMs) / 1_000)} s after the last`);
  return [];
}
