// ModelProcess: one model version in its own child process, as the scorer sees it.
// Flow: scorer → score(batch) → framed bytes → child → outputs. Life: LOADING → READY → (crash → LOADING …) → STOPPED or FAILED.
// Invariant: a hang, crash, leak or slow load in one is invisible to another and to the caller's event loop.

import type { ModelRef } from '../domain/route-plan.ts';
import type { Signature, Tensor } from '../domain/tensor.ts';

export type ModelProcessState = 'LOADING' | 'READY' | 'FAILED' | 'STOPPED';

export interface ModelProcess {
  readonly ref: ModelRef;
  readonly state: ModelProcessState;
  /** Known once READY, and the same for every run of the process. */
  readonly runtime: string;
  readonly signature: Signature | null;
  /**
   * Error code and words when FAILED (circuit open or package refused); when READY, why runtimes that the package
   * prefers do not serve; else empty.
   */
  readonly problem: string;
  /** Largest batch that the package allows, rows. */
  readonly maxBatchRows: number;
  /** Resolves when READY or FAILED for the first time; never rejects. */
  readonly settled: Promise<void>;
  /**
   * Scores rows. Inputs in signature order, same row count; so are the outputs.
   * Calls queue in the process (bounded by the caller) and are answered in order.
   * @throws MODEL_DEADLINE the process was killed at its deadline; MODEL_CRASHED; MODEL_FAILED the model threw;
   *         MODEL_UNAVAILABLE not READY (and, when FAILED, not coming back)
   */
  score(inputs: readonly Tensor[]): Promise<readonly Tensor[]>;
  stop(): Promise<void>;
}

/** What a process tells its owner, and asks it. */
export interface Owner {
  readonly onState: (process: ModelProcess) => void;
  /** Whether another version answers, which must not notice the loading of this one; asked at each start. */
  readonly loadsBehind: () => boolean;
}

/** Of a process that is alone. */
export const NO_OWNER: Owner = { onState: () => undefined, loadsBehind: () => false };

/** Opens processes for versions of one endpoint; `shared/runtimes/spawn.ts` is the real one. */
export interface ModelLauncher {
  launch(endpoint: string, ref: ModelRef, owner: Owner): ModelProcess;
}
