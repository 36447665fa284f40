// ProcessTree: CPU time and resident memory of a process and all its descendants, from /proc (Linux).

import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks per second of /proc/<pid>/stat on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

export interface TreeUsage {
  /** User and system time of the tree's processes, those that have ended under one that lives too; microseconds (10 ms steps each). */
  readonly cpuMicros: number;
  readonly residentBytes: number;
  readonly processes: number;
}

/** Usage of the tree under `pid`, itself included. */
export function treeUsage(pid: number): TreeUsage {
  const children = new Map<number, number[]>();
  const stats = new Map<number, { cpuTicks: number; pages: number }>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readStat(Number(name));
    if (stat === null) continue;
    stats.set(Number(name), stat);
    children.set(stat.parent, [...(children.get(stat.parent) ?? []), Number(name)]);
  }
  let [cpuTicks, pages, processes] = [0, 0, 0];
  const queue = [pid];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const stat = stats.get(next);
    if (stat === undefined) continue;
    cpuTicks += stat.cpuTicks;
    pages += stat.pages;
    processes += 1;
    queue.push(...(children.get(next) ?? []));
  }
  return { cpuMicros: (cpuTicks / TICKS_PER_SECOND) * 1e6, residentBytes: pages * PAGE_BYTES, processes };
}

/** Fields of proc(5) stat after the command: 1 ppid, 11 to 14 CPU time, of ended children too, 21 rss; null when it is gone. */
function readStat(pid: number): { parent: number; cpuTicks: number; pages: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    return {
      parent: fields[1] ?? 0,
      cpuTicks: fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0),
      pages: fields[21] ?? 0,
    };
  } catch {
    return null;
  }
}
