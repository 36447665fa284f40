// Priority: how a process goes behind those that answer.
// Why a nice value is not enough: where the kernel shares the cores out by sessions first (autogroup, sched(7): the default of
// most distributions outside containers), `nice` counts within a session only, and a shadow at 19 that a service manager
// started takes as much as a broker does. There a session has a nice value too.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/**
 * This process, all of its threads, gets CPU priority `nice` (1 to 19), and its session too where it leads it; the processes that
 * it starts inherit both.
 */
export function goBehind(nice: number): void {
  for (const thread of ownThreads()) {
    try {
      setPriority(thread, nice);
    } catch {
      // It has ended meanwhile.
    }
  }
  try {
    if (leadsSession()) writeFileSync('/proc/self/autogroup', String(nice));
  } catch {
    // Not Linux, or without autogroup: then nothing stands between processes and their nice values.
  }
}

/** Linux gives a nice value to a thread, and V8 has several before the first line of a program runs. */
function ownThreads(): number[] {
  try {
    return readdirSync('/proc/self/task').map(Number);
  } catch {
    return [process.pid];
  }
}

/** Whether nobody else's priority hangs on the session: a shell's belongs to all that was started there. */
function leadsSession(): boolean {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const [, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(session) === process.pid;
}
