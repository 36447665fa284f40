// VisibleGap: how long readers of answers wait when a candidate's scorer stops, or dies, between its writes and its commit.
// Method: half of the traffic is the candidate's. A proxy holds the scorer's EndTxn, so its transaction is open, and the
//         scorer is stopped or killed at that moment. Read committed, the partition stands still until someone ends it.
// Bound: the session, a rebalance and a fence, or the transaction timeout, whichever comes first, on a busy machine.

import { systemClock as clock } from '../../shared/process/clock.ts';
import { partitionOf } from './concerned.ts';
import type { RequestHead } from './frames.ts';
import type { Rule } from './meddling.ts';
import { PARTITIONS, SESSION_TIMEOUT_MS, THROUGH, type World } from './world.ts';

export interface GapFigure {
  readonly what: string;
  /** Time without a visible answer in the partition of the open transaction, ms. */
  readonly gapMs: number;
  /** The longest such time in any other partition, ms. */
  readonly othersMs: number;
}

const HELD_MS = 20_000;
/** A session, a rebalance and a fence. */
const WAIT_MS = SESSION_TIMEOUT_MS + 4_000;

/** With a candidate serving in `lane`. @returns null when no transaction of it was met in time */
export async function visibleGap(
  world: World,
  lane: string,
  signal: 'SIGSTOP' | 'SIGKILL',
): Promise<{ figure: GapFigure | null; problems: readonly string[] }> {
  const { answers, cluster } = world;
  await world.quiet();
  const held = new AbortController();
  const partitions = preferred(world, lane);
  let head: RequestHead | null = null;
  let meter = answers.meter();
  const rule: Rule = {
    api: 'EndTxn',
    applies: ({ transactionalId }) =>
      transactionalId.includes(`scorer.digits.${lane}.`) && partitions.includes(partitionOf(transactionalId) ?? -1),
    deed: {
      do: 'hold',
      reached: (reached) => {
        head = reached;
        meter.stop();
        meter = answers.meter();
        world
          .of('scorer')
          .find(({ name }) => name === reached.clientId)
          ?.kill(signal);
        held.abort();
      },
    },
  };
  cluster.meddling.arm(rule);
  await clock.sleep(HELD_MS, held.signal);
  cluster.meddling.disarm(rule);
  const met = head as RequestHead | null;
  const partition = partitionOf(met?.transactionalId ?? '');
  const whose = partitions.length < PARTITIONS ? "the incumbent's is another" : "the incumbent's is the same";
  const what = `a candidate's scorer ${signal === 'SIGSTOP' ? 'stopped' : 'killed'} before its commit; ${whose}`;
  if (partition === null) {
    meter.stop();
    return { figure: null, problems: [`${what}: no transaction was met`] };
  }
  // Answers that were committed before it are still on their way: only what comes after the whole wait is progress.
  await clock.sleep(WAIT_MS);
  const still = await answers.progress([partition], THROUGH);
  const others = answers.partitions.filter((each) => each !== partition);
  const figure = { what, gapMs: meter.worstMs([partition]), othersMs: meter.worstMs(others) };
  meter.stop();
  world.say(`visible gap: ${what}: ${figure.gapMs} ms in partition ${partition}, ${figure.othersMs} ms in others`);
  await world.heal();
  return { figure, problems: still.length > 0 ? [`${what}: partition ${partition} stood still`] : [] };
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
