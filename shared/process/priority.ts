// Priority: how a process goes behind those that answer.
// Why a nice value is not enough: where the kernel shares the cores out by sessions first (autogroup, sched(7): the default of
// most distributions outside containers), `nice` counts within a session only, and a shadow at 19 that a service manager
// started takes as much as a broker does. There a session has a nice value too.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import type { Clock } from '../domain/clock.ts';

const SESSION_FILE = '/proc/self/autogroup';
/** The kernel lets one session of the machine change in 100 ms, unless root asks; the others come again. */
const AGAIN_MS = 150;
const TRIES_MAX = 20;

/**
 * This process, all of its threads, gets CPU priority `nice` (1 to 19), and its session too where it leads it; the processes that
 * it starts inherit both. Nothing is brought forward.
 */
export async function goBehind(nice: number, clock: Clock): Promise<void> {
  for (const thread of ownThreads()) {
    try {
      if (getPriority(thread) < nice) setPriority(thread, nice);
    } catch (error) {
      // It has ended meanwhile.
      if (!has(error, constants.errno.ESRCH)) throw error;
    }
  }
  for (let time = 1; leadsSession() && time <= TRIES_MAX; time++) {
    try {
      return writeFileSync(SESSION_FILE, String(nice));
    } catch (error) {
      // Anything else: sessions have no priorities here, or a container decides about them.
      if (!has(error, constants.errno.EAGAIN)) return;
    }
    await clock.sleep(AGAIN_MS);
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
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const [, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(session) === process.pid;
  } catch {
    return false;
  }
}

/** Of node:fs and node:os alike. */
function has(error: unknown, errno: number): boolean {
  return error instanceof Error && 'errno' in error && error.errno === -errno;
}
