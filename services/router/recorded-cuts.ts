// Recorded cuts: a partition's cuts as E.cuts keeps them.
// Flow: E.cuts → new owner; a due cut → E.cuts; cuts that nobody needs any more → tombstones.
// Invariant: no record on E.cuts stops a partition: what cannot be read is left out, what contradicts is moved, both are told.

import type { OwnedPartition } from '../../shared/bus/bus.ts';
import { decodeControl, encodeControl } from '../../shared/codec/control.ts';
import { type Cut, orderedCuts } from '../../shared/domain/cut.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import type { InRecord, OutRecord } from '../../shared/domain/record.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import { obsoleteCuts } from './core/cuts.ts';
import type { RoutePartitionDeps } from './partition.ts';

const encoder = new TextEncoder();

/**
 * All cuts of the partition, up to the high watermark: what every fenced owner before us committed.
 * @throws PARTITION_LOST when the partition was lost before all were read
 */
export async function readCuts(deps: RoutePartitionDeps, owned: OwnedPartition): Promise<readonly Cut[]> {
  const { topic: requests, partition, lost } = owned;
  const topic = deps.topics.endpoint(deps.endpoint, 'cuts');
  const unreadable = (error: unknown) => deps.log('control-unreadable', { service: 'router', error });
  const byKey = new Map<string, Cut>();
  const source = { topic, partitions: [partition], from: 'earliest', until: 'end', signal: lost } as const;
  for await (const batch of deps.bus.read(source)) {
    for (const record of batch.records) apply(byKey, record, unreadable);
  }
  if (lost.aborted) throw new MillraceError('PARTITION_LOST', { topic: requests, partition });
  return orderedCuts(byKey.values(), ({ plan: { revision }, offset }) =>
    unreadable(new MillraceError('CUT_ORDER', { partition, revision, offset })),
  );
}

function apply(byKey: Map<string, Cut>, record: InRecord, onProblem: (error: unknown) => void): void {
  const key = new TextDecoder().decode(record.key ?? new Uint8Array());
  try {
    if (record.value === null) byKey.delete(key);
    else byKey.set(key, decodeControl('cut', record));
  } catch (error) {
    onProblem(error);
  }
}

export function cutRecord(topics: Topics, cut: Cut): OutRecord {
  return { ...tombstone(topics, cut), value: encodeControl('cut', cut) };
}

export function tombstone(topics: Topics, { partition, plan }: Cut): OutRecord {
  const topic = topics.endpoint(plan.endpoint, 'cuts');
  return { topic, partition, key: encoder.encode(String(plan.revision)), value: null, headers: [] };
}

/** Finds obsolete cuts beside the routing, which never waits for it. A search that fails is left to the next cut. */
export class ObsoleteCuts {
  readonly #deps: RoutePartitionDeps;
  readonly #owned: OwnedPartition;
  #found: readonly Cut[] = [];

  constructor(deps: RoutePartitionDeps, owned: OwnedPartition) {
    this.#deps = deps;
    this.#owned = owned;
  }

  /** Begins to ask where the retained requests begin. */
  search(cuts: readonly Cut[]): void {
    const { topic, partition } = this.#owned;
    this.#deps.bus.admin.offsets(topic, [partition]).then(
      ([place]) => {
        this.#found = obsoleteCuts(cuts, place?.earliest ?? 0);
      },
      () => undefined,
    );
  }

  /** What was found, once. */
  take(): readonly Cut[] {
    const found = this.#found;
    this.#found = [];
    return found;
  }
}
