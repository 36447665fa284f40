// Watch: is a model's process still within its deadline and its memory? Looked at from outside, because it may hang.
// Invariant: a stalled event loop or a step of the wall clock makes nobody miss a deadline: only slept slices count.

import type { Clock } from '../domain/clock.ts';
import { residentBytes } from './confine.ts';

/** Where the kernel enforces no cap, memory is looked at so often. */
const MEMORY_CHECK_INTERVAL_MS = 250;
/** A deadline is slept in so many slices; it is noticed at most one slice late. */
const DEADLINE_SLICES = 8;

export interface WatchOptions {
  readonly clock: Clock;
  /** Ends the watch. */
  readonly signal: AbortSignal;
}

/**
 * Watches the oldest batch until there is none, the signal aborts, or the same one was the oldest for `deadlineMs`.
 * @returns whether the deadline was missed
 */
export async function missesDeadline(
  options: WatchOptions,
  deadlineMs: number,
  oldest: () => object | undefined,
): Promise<boolean> {
  let watched = oldest();
  let slices = 0;
  while (watched !== undefined && !options.signal.aborted) {
    if (slices === DEADLINE_SLICES) return true;
    await options.clock.sleep(deadlineMs / DEADLINE_SLICES, options.signal);
    const now = oldest();
    slices = now === watched ? slices + 1 : 0;
    watched = now;
  }
  return false;
}

/** What holds a process's memory where the kernel enforces no cap, in words. */
export function memoryWithoutCap(pid: number | undefined): string {
  const readable = pid !== undefined && residentBytes(pid) !== null;
  return readable
    ? 'prlimit is missing: its memory is watched from outside instead'
    : 'not capped: prlimit is missing, and its memory cannot be read either';
}

/** @returns the private bytes of `pid` once they are above `limitBytes`; null when the watch ended before that */
export async function exceedsMemory(options: WatchOptions, pid: number, limitBytes: number): Promise<number | null> {
  while (!options.signal.aborted) {
    const bytes = residentBytes(pid);
    if (bytes === null || bytes > limitBytes) return bytes;
    await options.clock.sleep(MEMORY_CHECK_INTERVAL_MS, options.signal);
  }
  return null;
}
