// SilentOwners: lane partitions whose last owner fell silent and that nobody has taken over yet.
// An owner that died, or sleeps, may have left a transaction open, and that holds back the readers of E.predictions: also
// those of the other lane's answers.

import { LANES, type Lane } from '../../../shared/domain/route-plan.ts';
import { WORKER_EXPIRY_MS, type WorkerReport } from '../../../shared/domain/worker.ts';

export interface SilentOwner {
  readonly worker: string;
  readonly lane: Lane;
  readonly partition: number;
}

/**
 * Silence after which nothing can be open any more: the longest transaction timeout (5 s) and the broker's look for timed-out
 * transactions (10 s), with room. The last words of the long dead stay on record, and must not end the work of their heirs.
 */
export const SILENCE_MAX_MS = 30_000;

/**
 * One owner per partition: of several that fell silent, only the last can have left something open.
 * @param reports of one endpoint; a worker that stopped in order has taken its own back
 */
export function silentOwners(reports: readonly WorkerReport[], nowMs: number): SilentOwner[] {
  const newest = new Map<string, WorkerReport>();
  for (const report of reports) {
    if ((newest.get(report.worker)?.atMs ?? -1) < report.atMs) newest.set(report.worker, report);
  }
  const lastOwners = new Map<string, SilentOwner & { readonly silentMs: number }>();
  for (const { worker, owned, atMs } of newest.values()) {
    for (const lane of LANES) {
      for (const partition of owned[lane]) {
        const key = `${lane} ${partition}`;
        const silentMs = nowMs - atMs;
        if (silentMs < (lastOwners.get(key)?.silentMs ?? Number.POSITIVE_INFINITY))
          lastOwners.set(key, { worker, lane, partition, silentMs });
      }
    }
  }
  return [...lastOwners.values()]
    .filter(({ silentMs }) => silentMs > WORKER_EXPIRY_MS && silentMs <= SILENCE_MAX_MS)
    .map(({ worker, lane, partition }) => ({ worker, lane, partition }));
}
