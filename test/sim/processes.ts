// Processes: the services of a simulated house, each on a bus client of its own, killed, stalled and started again.
// Invariant: what was killed never acts again; a supervisor starts another one of its kind, under a new name.

import { startComparator } from '../../services/comparator/service.ts';
import { startController } from '../../services/controller/service.ts';
import { startRouter } from '../../services/router/service.ts';
import { startScorer } from '../../services/scorer/service.ts';
import { startShadow } from '../../services/shadow/service.ts';
import { type MemoryBus, memoryBus } from '../../shared/bus/memory/memory-bus.ts';
import type { MemoryLog } from '../../shared/bus/memory/memory-log.ts';
import { limitsWith } from '../../shared/comparing/limits.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import { silentLog } from '../../shared/telemetry/logger.ts';
import { digestOf } from '../support/controller-story.ts';
import { between, pick, type Random } from './random.ts';
import type { SimClock } from './sim-clock.ts';
import { SIM_SIGNATURE, type SimModelsDeps, simModels } from './sim-models.ts';

const KINDS = ['controller', 'router', 'scorer', 'shadow', 'comparator'] as const;
type Kind = (typeof KINDS)[number];

/** Larger than any history: what is missing at its end is missing for a reason. */
export const SIM_LIMITS = limitsWith({ window: 100_000, labelWindow: 100_000, windowMs: 5_000 });
/** Processes of each kind: two, so that partitions move and controllers compete. */
const PER_KIND = 2;
const SESSION_MS = 3_000;
const RESTART_MS_MAX = 3_000;
const STALL_MS_MAX = 9_000;

export interface ProcessesDeps extends SimModelsDeps {
  readonly log: MemoryLog;
  readonly topics: Topics;
}

export class Processes {
  readonly #deps: ProcessesDeps;
  readonly #random: Random;
  readonly #clock: SimClock;
  readonly #alive = new Map<string, { readonly kind: Kind; readonly bus: MemoryBus }>();
  #started = 0;

  constructor(deps: ProcessesDeps) {
    this.#deps = deps;
    this.#random = deps.random;
    this.#clock = deps.clock;
  }

  startAll(): void {
    for (const kind of KINDS) for (let count = 0; count < PER_KIND; count++) this.#start(kind);
  }

  /** Ends a process where it stands; another one of its kind follows. */
  kill(name: string): void {
    const found = this.#alive.get(name);
    if (found === undefined) return;
    this.#alive.delete(name);
    found.bus.crash();
    const pauseMs = between(this.#random, 50, RESTART_MS_MAX);
    void this.#clock.sleep(pauseMs).then(() => this.#start(found.kind));
  }

  /** One process at random. */
  any(): string {
    return pick(this.#random, [...this.#alive.keys(), 'none']);
  }

  /** Makes a zombie for a while. */
  stall(name: string): void {
    const pauseMs = between(this.#random, 200, STALL_MS_MAX);
    const found = this.#alive.get(name);
    if (found === undefined) return;
    found.bus.stall(true);
    void this.#clock.sleep(pauseMs).then(() => found.bus.stall(false));
  }

  unstallAll(): void {
    for (const { bus } of this.#alive.values()) bus.stall(false);
  }

  #start(kind: Kind): void {
    const name = `${kind}-${++this.#started}`;
    const { log } = this.#deps;
    const bus = memoryBus(log, { clock: this.#clock, name, sessionTimeoutMs: SESSION_MS });
    this.#alive.set(name, { kind, bus });
    // A service that cannot start ends its process, and is started again.
    this.#run(kind, name, bus).catch(() => this.kill(name));
  }

  #run(kind: Kind, name: string, bus: MemoryBus): Promise<unknown> {
    const { topics } = this.#deps;
    const deps = { bus, topics, clock: this.#clock, log: silentLog };
    switch (kind) {
      case 'controller':
        return startController({ ...deps, repository: { manifest } });
      case 'router':
        return startRouter(deps);
      case 'scorer':
        return startScorer({ ...deps, launcher: simModels(this.#deps), worker: name });
      case 'shadow':
        return startShadow({ ...deps, launcher: simModels(this.#deps), worker: name });
      case 'comparator':
        return startComparator({ ...deps, limits: SIM_LIMITS });
    }
  }
}

/** Versions from here on are in no repository. */
const VERSIONS_MAX = 8;

async function manifest(endpoint: string, version: number) {
  if (version > VERSIONS_MAX) throw new MillraceError('PACKAGE_MISSING', { endpoint, version });
  return { digest: digestOf(version), signature: SIM_SIGNATURE };
}
