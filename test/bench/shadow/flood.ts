// Flood: how fast the live road works a backlog off, once it is under way.
// Why: joining a group and fencing take up to a second of a flood of five, and so does the last partition, which has the cores for
//      itself; neither is the road's speed. What is answered between the first and the last tenth is.

import type { Bus } from '../../../shared/bus/bus.ts';
import { systemClock as clock } from '../../../shared/process/clock.ts';
import { measureThroughput, type Progress, type Started, type Throughput } from '../measure.ts';

/** Looking costs the broker something, too. */
const LOOK_EVERY_MS = 100;
const TENTH = 0.1;

/** What was on a topic at a moment: records and markers. */
export interface Look {
  readonly atMs: number;
  readonly offsets: number;
}

/** @param output where its answers go */
export async function measureFlood(
  bus: Bus,
  started: Started,
  work: { readonly records: number; readonly progress: Progress; readonly output: string },
): Promise<Throughput> {
  const looks: Look[] = [];
  const look = async () => {
    const offsets = (await bus.admin.offsets(work.output)).reduce((sum, { end }) => sum + end, 0);
    looks.push({ atMs: performance.now(), offsets });
  };
  await look();
  const whole = await measureThroughput(bus, started, work, async () => {
    await look();
    await clock.sleep(LOOK_EVERY_MS);
  });
  await look();
  return { ...whole, recordsPerSecond: (work.records * (1 - 2 * TENTH) * 1_000) / steadyMs(looks) };
}

/** Milliseconds from the end of the first tenth to the begin of the last. Markers are taken to be spread as evenly as records. */
export function steadyMs(looks: readonly Look[]): number {
  return whenDone(looks, 1 - TENTH) - whenDone(looks, TENTH);
}

/** When `part` of all was there, between two looks in proportion. */
function whenDone(looks: readonly Look[], part: number): number {
  const [first, last] = [looks[0], looks.at(-1)];
  if (first === undefined || last === undefined) return Number.NaN;
  const wanted = first.offsets + part * (last.offsets - first.offsets);
  const at = looks.findIndex(({ offsets }) => offsets >= wanted);
  const [before, behind] = [looks[at - 1], looks[at]];
  if (before === undefined || behind === undefined) return Number.NaN;
  return before.atMs + ((wanted - before.offsets) / (behind.offsets - before.offsets)) * (behind.atMs - before.atMs);
}
