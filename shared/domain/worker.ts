// Worker: what a scorer says of itself on `millrace.workers`; the controller's evidence for the readiness gate.

import { z } from 'zod';
import type { LANES } from './route-plan.ts';

/** A worker that missed three heartbeats is gone. */
export const HEARTBEAT_INTERVAL_MS = 1_000;
export const WORKER_EXPIRY_MS = 3 * HEARTBEAT_INTERVAL_MS;

/** What a worker does with its versions. */
export const WORKER_ROLES = ['scorer', 'shadow'] as const;

export const WORKER_STATES = ['LOADING', 'READY', 'FAILED', 'STOPPED'] as const;

export const workerSchema = z.strictObject({
  /** Unique per process start. */
  worker: z.string().min(1).max(256),
  role: z.enum(WORKER_ROLES).default('scorer'),
  endpoint: z.string(),
  version: z.int().min(1),
  /** Digest that this worker verified and loaded. */
  digest: z.string(),
  state: z.enum(WORKER_STATES),
  /** e.g. `onnxruntime-node 1.30.0`; empty until loaded. */
  runtime: z.string(),
  /** Error code and words when FAILED, else empty. */
  problem: z.string(),
  /** Lane partitions that this worker owns now. */
  owned: z.strictObject({ blue: z.array(z.int().min(0)).readonly(), green: z.array(z.int().min(0)).readonly() }),
  atMs: z.int().min(0),
});
export type WorkerReport = Readonly<z.infer<typeof workerSchema>>;

/** Key of a worker's record on the compacted topic. */
export function workerKey(report: Pick<WorkerReport, 'worker' | 'endpoint' | 'version'>): string {
  return `${report.worker}/${report.endpoint}/${report.version}`;
}

/**
 * Receipts `worker:lane:partition` when every partition of the lane has a live owner that is READY for the digest,
 * else null.
 */
export function readyEvidence(
  reports: readonly WorkerReport[],
  want: {
    readonly lane: (typeof LANES)[number];
    readonly partitions: number;
    readonly version: number;
    readonly digest: string;
  },
  nowMs: number,
): string[] | null {
  const evidence: string[] = [];
  const live = reports.filter((report) => report.state !== 'STOPPED' && nowMs - report.atMs <= WORKER_EXPIRY_MS);
  for (let partition = 0; partition < want.partitions; partition++) {
    const owners = new Set(live.filter((r) => r.owned[want.lane].includes(partition)).map((r) => r.worker));
    if (owners.size === 0) return null;
    for (const worker of owners) {
      const ready = live.some(
        (r) => r.worker === worker && r.version === want.version && r.digest === want.digest && r.state === 'READY',
      );
      if (!ready) return null;
      evidence.push(`${worker}:${want.lane}:${partition}`);
    }
  }
  return evidence;
}
