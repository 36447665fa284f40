// VisibleGap: how long readers of answers wait when a candidate's scorer stops, or dies, between its writes and its commit.
// Method: half of the traffic is the candidate's. A proxy holds the scorer's EndTxn, so its transaction is open, and the
//         scorer is stopped or killed at that moment. Read committed, the partition stands still until someone ends it.
// Bound: that of a killed worker: the session, a rebalance and a fence, or the transaction timeout, whichever comes first.

import { systemClock as clock } from '../../shared/process/clock.ts';
import { partitionOf } from './concerned.ts';
import { KILL } from './handover.ts';
import type { Rule } from './meddling.ts';
import { type Figure, figureOf, type Gaps, missedBounds } from './tries.ts';
import { PARTITIONS, SESSION_TIMEOUT_MS, THROUGH, type World } from './world.ts';

/** All partitions of the scorer wait for its session. */
const BOUNDS: Gaps = { gapMs: KILL.gapMs, othersMs: KILL.gapMs };
const HELD_MS = 20_000;
/** A session, a rebalance and a fence. */
const WAIT_MS = SESSION_TIMEOUT_MS + 4_000;

/** With a candidate serving in `lane`. @returns null when no transaction of it was met in time */
export async function visibleGap(
  world: World,
  lane: string,
  signal: 'SIGSTOP' | 'SIGKILL',
): Promise<{ figure: Figure | null; problems: readonly string[] }> {
  const problems: string[] = [];
  const what = `a candidate's scorer ${signal === 'SIGSTOP' ? 'stopped' : 'killed'} before its commit`;
  const figure = await figureOf(what, BOUNDS, () => once(world, { lane, signal, what, problems }));
  return { figure, problems: [...problems, ...(figure === null ? [] : missedBounds(figure))] };
}

async function once(
  world: World,
  of: { readonly lane: string; readonly signal: 'SIGSTOP' | 'SIGKILL'; readonly what: string; problems: string[] },
): Promise<Gaps | null> {
  const { answers, cluster } = world;
  const { lane, signal, what, problems } = of;
  await world.quiet();
  const held = new AbortController();
  const partitions = preferred(world, lane);
  let partition: number | null = null;
  let meter = answers.meter();
  const rule: Rule = {
    api: 'EndTxn',
    applies: ({ transactionalId }) =>
      transactionalId.includes(`scorer.digits.${lane}.`) && partitions.includes(partitionOf(transactionalId) ?? -1),
    deed: {
      do: 'hold',
      reached: ({ transactionalId, clientId }) => {
        partition = partitionOf(transactionalId);
        meter.stop();
        meter = answers.meter();
        world
          .of('scorer')
          .find(({ name }) => name === clientId)
          ?.kill(signal);
        held.abort();
      },
    },
  };
  cluster.meddling.arm(rule);
  await clock.sleep(HELD_MS, held.signal);
  cluster.meddling.disarm(rule);
  const met = partition as number | null;
  if (met === null) {
    meter.stop();
    problems.push(`${what}: no transaction was met`);
    return null;
  }
  // Answers that were committed before it are still on their way: only what comes after the whole wait is progress.
  await clock.sleep(WAIT_MS);
  const still = await answers.progress([met], THROUGH);
  const others = answers.partitions.filter((each) => each !== met);
  const gaps = { gapMs: meter.worstMs([met]), othersMs: meter.worstMs(others) };
  meter.stop();
  const whose = partitions.length < PARTITIONS ? "the incumbent's is another" : "the incumbent's is the same";
  world.say(`visible gap: ${what}, ${whose}: ${gaps.gapMs} ms in partition ${met}, ${gaps.othersMs} ms in others`);
  if (still.length > 0) problems.push(`${what}: partition ${met} stood still`);
  await world.heal();
  return gaps;
}

/** Partitions whose incumbent is answered by another scorer than their candidate; all, where there is none. */
function preferred(world: World, lane: string): readonly number[] {
  const other = lane === 'blue' ? 'green' : 'blue';
  const apart = world.answers.partitions.filter((partition) =>
    world.of('scorer').every((scorer) => {
      const [own, others] = [world.owned(scorer, lane), world.owned(scorer, other)];
      return !own.includes(partition) || !others.includes(partition);
    }),
  );
  return apart.length > 0 ? apart : world.answers.partitions;
}
