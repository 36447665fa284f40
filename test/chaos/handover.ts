// Handover: how long a partition's answers pause when its worker stops, when it is killed, and in a rolling restart.
// Flow: acts of a run, in quiet, before the faults → figures of the report.
// Bounds: 2 s after a clean stop, the session timeout and 3 s after a kill; all other partitions go on as after a stop.

import type { ServiceName, ServiceProcess } from '../support/service-process.ts';
import { concernedBy } from './concerned.ts';
import { type Figure, figureOf, type Gaps, missedBounds } from './tries.ts';
import { SERVICES, SESSION_TIMEOUT_MS, THROUGH, type World } from './world.ts';

/** A rebalance stops even those who keep what they have. */
const OTHERS_MS = 2_000;
const STOP: Gaps = { gapMs: 2_000, othersMs: OTHERS_MS };
export const KILL: Gaps = { gapMs: SESSION_TIMEOUT_MS + 3_000, othersMs: OTHERS_MS };
/** All partitions are hit: leaders and coordinators move, and what was sent meanwhile may wait for its time-out of 10 s. */
const BROKER: Gaps = { gapMs: 10_000, othersMs: 0 };
const WORKERS = ['router', 'scorer'] as const satisfies readonly ServiceName[];

/** @returns figures, and in words what stood still or took too long */
export async function handovers(world: World): Promise<{ figures: Figure[]; problems: string[] }> {
  const figures: Figure[] = [];
  const problems: string[] = [];
  const note = async (what: string, bounds: Gaps, act: () => Promise<readonly number[]>) => {
    const figure = await figureOf(what, bounds, () => once(world, { what, act, problems }));
    if (figure === null) return;
    figures.push(figure);
    problems.push(...missedBounds(figure));
  };
  for (const service of WORKERS) {
    await note(`a ${service} stops`, STOP, () => end(world, service, (victim) => victim.stop()));
    await note(`a ${service} is killed`, KILL, () => end(world, service, async (victim) => victim.kill('SIGKILL')));
  }
  for (const service of SERVICES) {
    const copies = world.of(service).length;
    for (let copy = 1; copy <= copies; copy++) {
      await note(`rolling restart: ${service} ${copy} of ${copies}`, STOP, () =>
        end(world, service, async (victim) => {
          await victim.stop();
          await world.heal();
        }),
      );
    }
  }
  for (const id of world.cluster.ids) {
    await note(`rolling restart: broker ${id} of ${world.cluster.ids.length}`, BROKER, async () => {
      await world.cluster.node(id).kill('SIGTERM');
      await world.cluster.heal();
      return world.answers.partitions;
    });
  }
  return { figures, problems };
}

async function once(
  world: World,
  { what, act, problems }: { what: string; act: () => Promise<readonly number[]>; problems: string[] },
): Promise<Gaps> {
  const { answers, say } = world;
  // What waited for the last act would hide the pause of this one.
  await world.quiet();
  const meter = answers.meter();
  const moved = await act();
  const still = await answers.progress(answers.partitions, THROUGH);
  const others = answers.partitions.filter((partition) => !moved.includes(partition));
  const gaps = { gapMs: meter.worstMs(moved), othersMs: meter.worstMs(others) };
  meter.stop();
  say(`handover: ${what}: ${gaps.gapMs} ms, others ${gaps.othersMs} ms`);
  if (still.length > 0) problems.push(`${what}: no answers in partitions ${still.join()}`);
  await world.heal();
  return gaps;
}

/** Of the copies the oldest ends: so all have their turn. */
async function end(
  world: World,
  service: ServiceName,
  how: (victim: ServiceProcess) => Promise<unknown>,
): Promise<readonly number[]> {
  const victim = world.of(service)[0];
  if (victim === undefined) return [];
  const moved = concernedBy(world, victim);
  await how(victim);
  return moved;
}
