// House: all services in one process on one bus. `millrace dev`, the demo and simulations run it.
// Flow: controller, scorer, router, shadow, comparator are started in that order and stopped so that what was taken is also
//       answered.

import type { Bus } from '../../shared/bus/bus.ts';
import { DEFAULT_LIMITS } from '../../shared/comparing/limits.ts';
import type { Running } from '../../shared/control/endpoints.ts';
import type { Clock } from '../../shared/domain/clock.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import type { ModelRepository } from '../../shared/models/repository.ts';
import type { ModelLauncher } from '../../shared/runtimes/model-process.ts';
import type { Log } from '../../shared/telemetry/logger.ts';
import { startComparator } from '../comparator/service.ts';
import { startController } from '../controller/service.ts';
import { startRouter } from '../router/service.ts';
import { startScorer } from '../scorer/service.ts';
import { startShadow } from '../shadow/service.ts';

export interface HouseDeps {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly log: Log;
  readonly launcher: ModelLauncher;
  /** Of the lowest CPU priority. */
  readonly shadowLauncher: ModelLauncher;
  readonly repository: ModelRepository;
  /** Unique per process start. */
  readonly worker: string;
}

/** Starts every service; the controller creates what topics are missing. */
export async function startHouse(deps: HouseDeps): Promise<Running> {
  const running: Running[] = [];
  const stop = async () => {
    for (const service of running.splice(0)) await service.stop();
  };
  try {
    running.unshift(await startController(deps));
    running.unshift(await startScorer(deps));
    running.unshift(await startRouter(deps));
    const { shadowLauncher: launcher, worker } = deps;
    running.unshift(await startShadow({ ...deps, launcher, worker: `${worker}-shadow` }));
    running.unshift(await startComparator({ ...deps, limits: DEFAULT_LIMITS }));
  } catch (error) {
    await stop();
    throw error;
  }
  return { stop };
}
