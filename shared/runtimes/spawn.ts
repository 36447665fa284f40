// Spawn: opens a process for each model version that a worker serves. The life of one is supervised-model.ts.

import type { Clock } from '../domain/clock.ts';
import type { ModelLauncher } from './model-process.ts';
import { Spawner } from './spawner.ts';
import { SupervisedModel } from './supervised-model.ts';

/** CPU priorities by role: a busy shadow at 19 leaves live p99 where it was; at 0 it costs a factor of six (measured). */
export const NICE_LIVE = 0;
export const NICE_SHADOW = 19;

/** For the log; steady state says nothing. */
export interface ModelNotice {
  readonly endpoint: string;
  readonly version: number;
  readonly what: 'ready' | 'died' | 'refused' | 'gave-up' | 'memory-not-capped' | 'fell-back';
  readonly detail: string;
}

export interface ModelLauncherOptions {
  /** Root of the model repository. */
  readonly repository: string;
  readonly clock: Clock;
  /** NICE_LIVE or NICE_SHADOW. */
  readonly nice: number;
  /** The worker's environment; only library paths of it reach the process. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onNotice: (notice: ModelNotice) => void;
  /** Tests only: modules that export `runtimes`, added to the registry inside the process. */
  readonly runtimeModules?: readonly string[];
}

export function modelLauncher(options: ModelLauncherOptions): ModelLauncher {
  const spawner = new Spawner();
  return {
    launch: (endpoint, ref, owner) => {
      const supervised = new SupervisedModel(options, spawner, { endpoint, ref, owner });
      supervised.start();
      return supervised;
    },
  };
}
