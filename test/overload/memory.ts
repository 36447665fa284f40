// Memory: what the services' processes hold over time, and whether that is flat.

import { treeUsage } from '../bench/process-tree.ts';
import type { Fleet } from '../support/service-process.ts';

/** Resident megabytes of each service with its model processes, by process name. */
export type MemorySample = ReadonlyMap<string, number>;

const MEGABYTE = 1024 * 1024;
/** A heap that was just collected and one that is about to be differ by so much. */
const FLAT_RATIO_MAX = 1.25;
const FLAT_SLACK_MB = 32;

export function sampleMemory(fleet: Fleet): MemorySample {
  return new Map(
    fleet.running.map(({ name, pid }) => [name, pid === null ? 0 : treeUsage(pid).residentBytes / MEGABYTE]),
  );
}

export interface MemoryFigure {
  readonly process: string;
  /** Largest value of the first and of the last third of the samples. */
  readonly earlyMb: number;
  readonly lateMb: number;
  readonly flat: boolean;
}

/** One figure per process that is in every sample. Fewer than three samples say nothing. */
export function memoryFigures(samples: readonly MemorySample[]): MemoryFigure[] {
  const third = Math.floor(samples.length / 3);
  if (third === 0) return [];
  const peak = (of: readonly MemorySample[], process: string) => Math.max(...of.map((one) => one.get(process) ?? 0));
  return [...(samples[0]?.keys() ?? [])].map((process) => {
    const earlyMb = peak(samples.slice(0, third), process);
    const lateMb = peak(samples.slice(-third), process);
    return { process, earlyMb, lateMb, flat: lateMb <= earlyMb * FLAT_RATIO_MAX + FLAT_SLACK_MB };
  });
}
