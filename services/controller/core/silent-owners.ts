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

/** @param reports of one endpoint; a worker that stopped in order has taken its own back */
export function silentOwners(reports: readonly WorkerReport[], nowMs: number): SilentOwner[] {
  const newest = new Map<string, WorkerReport>();
  for (const report of reports) {
    if ((newest.get(report.worker)?.atMs ?? -1) < report.atMs) newest.set(report.worker, report);
  }
  const all = [...newest.values()];
  const isLive = ({ atMs }: WorkerReport) => nowMs - atMs <= WORKER_EXPIRY_MS;
  const taken = (lane: Lane, partition: number) =>
    all.some((one) => isLive(one) && one.owned[lane].includes(partition));
  return all
    .filter((report) => !isLive(report))
    .flatMap(({ worker, owned }) =>
      LANES.flatMap((lane) =>
        owned[lane].filter((partition) => !taken(lane, partition)).map((partition) => ({ worker, lane, partition })),
      ),
    );
}
