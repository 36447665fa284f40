// Priority: how a process goes behind those that answer, for good or for a while.
// Why a nice value is not enough: where the kernel shares the cores out by sessions first (autogroup, sched(7): the default of
// most distributions outside containers), `nice` counts within a session only, and a shadow at 19 that a service manager
// started takes as much as a broker does. There a session has a nice value too. In a container only the process's own counts.
// Why a while is harder: anybody may bring a session back, but a process only with CAP_SYS_NICE or where RLIMIT_NICE allows it.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { aborted, type Clock } from '../domain/clock.ts';

/** The kernel lets one session of the machine change in 100 ms, unless root asks; the others come again. */
const AGAIN_MS = 150;
/** Of a process that nobody waits for; one that is to come forward tries until it has ended. */
const TRIES_MAX = 20;
/** Far enough to be passed by whoever answers; at 19 a load takes minutes on full cores, here ten times as long as alone. */
const BEHIND_BY = 10;
const NICE_MAX = 19;
/** capabilities(7). */
const CAP_SYS_NICE = 1n << 23n;
/** In any other user namespace capabilities say nothing of CPU priorities (user_namespaces(7)); a kernel without any has no map. */
const FIRST_USER_NAMESPACE = /^(\s*0\s+0\s+4294967295\s*)?$/;
/** RLIMIT_NICE counts the other way round: 20 allows nice 0 (getrlimit(2)). */
export const NICE_LIMIT_OF_ZERO = 20;

/**
 * This process, all of its threads, gets CPU priority `nice` (1 to 19), and its session too where it leads it; the processes that
 * it starts inherit both. Nothing is brought forward.
 */
export async function goBehind(nice: number, clock: Clock): Promise<void> {
  setThreads(process.pid, nice, (present) => present < nice);
  await setSession(process.pid, nice, { clock, triesMax: TRIES_MAX, signals: [] });
}

export interface Stay {
  readonly clock: Clock;
  /** Brings it back to where this process stands. */
  readonly until: AbortSignal;
  /** There is nothing to bring back. */
  readonly ended: AbortSignal;
}

/**
 * `pid`, a child of this process that leads a session of its own, works behind it for a while, as far as the kernel lets it return.
 * Never rejects.
 */
export async function stayBehind(pid: number, { clock, until, ended }: Stay): Promise<void> {
  const own = getPriority();
  const behind = Math.min(own + BEHIND_BY, NICE_MAX);
  const returns = mayReturnTo(own);
  const session = sessionNice();
  if (returns) setThreads(pid, behind, (present) => present < behind);
  const again = { clock, triesMax: Number.POSITIVE_INFINITY };
  if (session !== null)
    await setSession(pid, Math.min(session + BEHIND_BY, NICE_MAX), { ...again, signals: [until, ended] });
  await aborted(until, ended);
  if (ended.aborted) return;
  if (returns) setThreads(pid, own, (present) => present === behind);
  if (session !== null) await setSession(pid, session, { ...again, signals: [ended] });
}

/** Of those threads of `pid` whose nice value is such, as far as the kernel lets it: nobody ends for want of a priority. */
function setThreads(pid: number, nice: number, such: (present: number) => boolean): void {
  for (const thread of threadsOf(pid)) {
    try {
      if (such(getPriority(thread))) setPriority(thread, nice);
    } catch {
      // It has ended meanwhile, or stays where it is.
    }
  }
}

interface Again {
  readonly clock: Clock;
  readonly triesMax: number;
  /** The first that aborts ends the tries. */
  readonly signals: readonly AbortSignal[];
}

/** Of the session that `pid` leads, if it does. */
async function setSession(pid: number, nice: number, { clock, triesMax, signals }: Again): Promise<void> {
  for (let time = 1; leadsSession(pid) && time <= triesMax; time++) {
    try {
      return writeFileSync(`/proc/${pid}/autogroup`, String(nice));
    } catch (error) {
      // Anything else: sessions have no priorities here, or a container decides about them.
      if (!isToComeAgain(error)) return;
    }
    await clock.sleep(AGAIN_MS);
    if (signals.some((signal) => signal.aborted)) return;
  }
}

/** Of the session that this process belongs to; null where sessions have none. */
function sessionNice(): number | null {
  const found = / nice (-?\d+)/.exec(readOrEmpty('/proc/self/autogroup'));
  return found === null ? null : Number(found[1]);
}

/** Whether a process like this one, once behind, may have `nice` again. */
function mayReturnTo(nice: number): boolean {
  const capabilities = /^CapEff:\s+([0-9a-f]+)$/m.exec(readOrEmpty('/proc/self/status'))?.[1] ?? '0';
  const isCapable = (BigInt(`0x${capabilities}`) & CAP_SYS_NICE) !== 0n;
  if (isCapable && FIRST_USER_NAMESPACE.test(readOrEmpty('/proc/self/uid_map'))) return true;
  const limit = /^Max nice priority\s+(\d+)/m.exec(readOrEmpty('/proc/self/limits'))?.[1] ?? '0';
  return Number(limit) >= NICE_LIMIT_OF_ZERO - nice;
}

/** Linux gives a nice value to a thread, and V8 has several before the first line of a program runs. */
function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [pid];
  }
}

/** Whether nobody else's priority hangs on the session: a shell's belongs to all that was started there. */
function leadsSession(pid: number): boolean {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  const [, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(session) === pid;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function isToComeAgain(error: unknown): boolean {
  return error instanceof Error && 'errno' in error && error.errno === -constants.errno.EAGAIN;
}
