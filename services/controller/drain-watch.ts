// DrainWatch: when a lane that gets no new records has none left.
// Flow: E.cuts, ends of E.lane.* and what its group committed → "drained" → the leader's inbox.
// Invariant: cuts are read before ends, and ends before commits; so nothing can enter the lane behind what was seen.

import type { Bus } from '../../shared/bus/bus.ts';
import { decodeControl } from '../../shared/codec/control.ts';
import type { Clock } from '../../shared/domain/clock.ts';
import { laneGroup } from '../../shared/domain/groups.ts';
import type { InRecord } from '../../shared/domain/record.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import { type ControllerState, type Draining, drainingLanes } from './core/state.ts';

/** Pause between two looks at lanes that drain. Nothing is read while none does. */
const DRAIN_POLL_INTERVAL_MS = 250;

export interface DrainWatchOptions {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly signal: AbortSignal;
  /** Told of each record on E.cuts that cannot be read. */
  readonly onUnreadable: (error: unknown) => void;
}

export interface DrainsOptions extends DrainWatchOptions {
  readonly clock: Clock;
  readonly state: () => ControllerState;
  readonly onDrained: (draining: Draining) => void;
  readonly onProblem: (endpoint: string, error: unknown) => void;
}

/** Watches every draining lane until `signal` aborts. A look that fails is told and tried again. */
export async function watchDrains(options: DrainsOptions): Promise<void> {
  const watches = new Map<string, DrainWatch>();
  while (!options.signal.aborted) {
    const lanes = drainingLanes(options.state());
    const known = new Set(lanes.map(watchKey));
    for (const key of watches.keys()) if (!known.has(key)) watches.delete(key);
    for (const draining of lanes) {
      const watch = watches.get(watchKey(draining)) ?? new DrainWatch(options, draining);
      watches.set(watchKey(draining), watch);
      try {
        if (await watch.look()) options.onDrained(draining);
      } catch (error) {
        if (!options.signal.aborted) options.onProblem(draining.endpoint, error);
      }
    }
    await options.clock.sleep(DRAIN_POLL_INTERVAL_MS, options.signal);
  }
}

function watchKey({ endpoint, lane, revision }: Draining): string {
  return `${endpoint} ${lane} ${revision}`;
}

/** Watches one draining lane. */
export class DrainWatch {
  readonly #options: DrainWatchOptions;
  readonly #draining: Draining;
  /** Next offset of E.cuts, and newest revision, per partition. */
  readonly #positions = new Map<number, number>();
  readonly #revisions = new Map<number, number>();
  /** Ends of the lane when it was last found empty. */
  #emptyAt = '';

  constructor(options: DrainWatchOptions, draining: Draining) {
    this.#options = options;
    this.#draining = draining;
  }

  /**
   * Whether the lane is drained. It says so when two looks in a row find the lane empty at the same ends: a rescue by a
   * scorer that has not seen the newest plan may come after the last cut.
   * @throws what the bus throws while the broker is away
   */
  async look(): Promise<boolean> {
    await this.#readCuts();
    const { endpoint, lane, partitions, revision } = this.#draining;
    for (let partition = 0; partition < partitions; partition++) {
      if ((this.#revisions.get(partition) ?? 0) < revision) return false;
    }
    const { bus, topics } = this.#options;
    const topic = topics.lane(endpoint, lane);
    const offsets = await bus.admin.offsets(topic);
    const committed = await bus.admin.committed(laneGroup(topics.prefix, endpoint, lane), topic);
    const empty = offsets.every(
      ({ partition, earliest, end }) => Math.max(earliest, committed[partition] ?? -1) >= end,
    );
    const ends = empty ? offsets.map(({ end }) => end).join() : '';
    const settled = empty && ends === this.#emptyAt;
    this.#emptyAt = ends;
    return settled;
  }

  async #readCuts(): Promise<void> {
    const { bus, topics, signal } = this.#options;
    const { endpoint, partitions } = this.#draining;
    const topic = topics.endpoint(endpoint, 'cuts');
    const from = new Map(Array.from({ length: partitions }, (_, index) => [index, this.#from(index)] as const));
    for await (const batch of bus.read({ topic, from, until: 'end', signal })) {
      this.#positions.set(batch.partition, batch.nextOffset);
      const newest = this.#revisions.get(batch.partition) ?? 0;
      this.#revisions.set(
        batch.partition,
        Math.max(newest, ...batch.records.map((record) => this.#revisionOf(record))),
      );
    }
  }

  /** Revision of a cut; 0 for a tombstone, and for what cannot be read: that is told, and later cuts still count. */
  #revisionOf(record: InRecord): number {
    if (record.value === null) return 0;
    try {
      return decodeControl('cut', record).plan.revision;
    } catch (error) {
      this.#options.onUnreadable(error);
      return 0;
    }
  }

  #from(partition: number): number | 'earliest' {
    return this.#positions.get(partition) ?? 'earliest';
  }
}
