// Clock: time as a port, so that the pure ring and the simulation decide what "now" is.

/** Wall time in milliseconds since the epoch, and waiting. Real: `shared/process/clock.ts`. */
export interface Clock {
  nowMs(): number;
  /** Resolves after `ms`, or at once when `signal` aborts (it never rejects). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
