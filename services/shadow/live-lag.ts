// LiveLag: how many requests wait on the live road of an endpoint: before the router, and in both lanes.
// Flow: ends and committed offsets → [LiveLag] → gates of the kind low-lag. Polled only while such a gate is there.

import type { Bus } from '../../shared/bus/bus.ts';
import { lagOf } from '../../shared/bus/lag.ts';
import type { Clock } from '../../shared/domain/clock.ts';
import { laneGroup, routerGroup } from '../../shared/domain/groups.ts';
import { LANES } from '../../shared/domain/route-plan.ts';
import type { Topics } from '../../shared/domain/topics.ts';

const POLL_INTERVAL_MS = 1_000;

export interface LiveLagOptions {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly endpoint: string;
  readonly onProblem: (error: unknown) => void;
}

export class LiveLag {
  readonly #options: LiveLagOptions;
  readonly #ended = new AbortController();
  readonly #loop: Promise<void>;
  #records: number | null = null;

  constructor(options: LiveLagOptions) {
    this.#options = options;
    this.#loop = this.#poll();
  }

  /** Requests that wait; null while nobody knows. */
  get records(): number | null {
    return this.#records;
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#loop;
  }

  async #poll(): Promise<void> {
    const { clock, onProblem } = this.#options;
    while (!this.#ended.signal.aborted) {
      try {
        this.#records = await this.#look();
      } catch (error) {
        this.#records = null;
        onProblem(error);
      }
      await clock.sleep(POLL_INTERVAL_MS, this.#ended.signal);
    }
  }

  async #look(): Promise<number> {
    const { bus, topics, endpoint } = this.#options;
    const stages = [
      { topic: topics.endpoint(endpoint, 'requests'), group: routerGroup(topics.prefix, endpoint) },
      ...LANES.map((lane) => ({
        topic: topics.lane(endpoint, lane),
        group: laneGroup(topics.prefix, endpoint, lane),
      })),
    ];
    const waiting = await Promise.all(stages.map(({ topic, group }) => lagOf(bus.admin, group, topic)));
    return waiting.reduce((sum, records) => sum + records, 0);
  }
}
