// Concerned: whose answers a fault may hold up: partitions of the process, or of the transaction, that it hits.

import type { ServiceName, ServiceProcess } from '../support/service-process.ts';
import type { RequestHead } from './frames.ts';
import type { World } from './world.ts';

/** Controllers, shadows and comparators hold nobody up. */
export function answersWaitFor(service: ServiceName): boolean {
  return service === 'router' || service === 'scorer';
}

/** Partitions whose answers wait for the process. */
export function concernedBy(world: World, process: ServiceProcess): readonly number[] {
  return answersWaitFor(process.service) ? world.owned(process) : [];
}

/**
 * Partitions whose answers wait for one request: that of its transaction. A request that is of no transaction (Fetch,
 * JoinGroup, Heartbeat, …) may wait alone: others of its process and of its group go on.
 */
export function concernedByRequest(
  { clientId, transactionalId }: RequestHead,
  processes: readonly Pick<ServiceProcess, 'name' | 'service'>[],
): readonly number[] {
  const held = processes.some(({ name, service }) => name === clientId && answersWaitFor(service));
  const partition = partitionOf(transactionalId);
  return held && partition !== null ? [partition] : [];
}

/** Partition of a transaction; null where there is none. */
export function partitionOf(transactionalId: string): number | null {
  const digits = /-(\d+)$/.exec(transactionalId)?.[1];
  return digits === undefined ? null : Number(digits);
}
