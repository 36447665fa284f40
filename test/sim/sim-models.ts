// SimModels: model processes of a simulated scorer: they load, score, hang, crash, refuse rows and come back.
// Invariant: as the real launcher's: a crash or hang fails the batch in hand and whatever waits behind it, then the process
//            loads again; one that cannot load is FAILED. Answers tell the version that made them.

import { MillraceError } from '../../shared/domain/errors.ts';
import type { ModelRef } from '../../shared/domain/route-plan.ts';
import type { Signature, Tensor } from '../../shared/domain/tensor.ts';
import type { ModelLauncher, ModelProcess, ModelProcessState } from '../../shared/runtimes/model-process.ts';
import type { Faults } from './faults.ts';
import { between, type Random } from './random.ts';
import type { SimClock } from './sim-clock.ts';

export const SIM_SIGNATURE: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 1] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
};

const LOAD_MS_MAX = 800;
const SCORE_MS_MAX = 8;
const SLOW_MS = 600;
/** A batch's deadline: a hang ends then. */
const DEADLINE_MS = 1_500;

export interface SimModelsDeps {
  readonly clock: SimClock;
  readonly random: Random;
  readonly faults: Faults;
  /** What every batch takes, ms; null: drawn anew for each. */
  readonly scoreMs: number | null;
}

export function simModels(deps: SimModelsDeps): ModelLauncher {
  return { launch: (endpoint, ref, { onState }) => new SimModel(deps, endpoint, { ref, onState }) };
}

class SimModel implements ModelProcess {
  readonly ref: ModelRef;
  readonly runtime = 'sim 1';
  readonly maxBatchRows = 16;
  readonly signature = SIM_SIGNATURE;
  readonly settled: Promise<void>;
  state: ModelProcessState = 'LOADING';
  problem = '';
  readonly #deps: SimModelsDeps;
  readonly #endpoint: string;
  readonly #onState: (process: ModelProcess) => void;
  readonly #stopped = new AbortController();
  #settle: () => void = () => {};
  /** Ends with the process; a new one for each start. */
  #life = new AbortController();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(
    deps: SimModelsDeps,
    endpoint: string,
    what: { readonly ref: ModelRef; readonly onState: (process: ModelProcess) => void },
  ) {
    this.#deps = deps;
    this.#endpoint = endpoint;
    this.ref = what.ref;
    this.#onState = what.onState;
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    void this.#load();
  }

  score(inputs: readonly Tensor[]): Promise<readonly Tensor[]> {
    const life = this.#life;
    const scored = this.#queue.then(() => this.#scoreNow(inputs, life));
    this.#queue = scored.catch(() => {});
    return scored;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#life.abort();
    this.#tell('STOPPED');
  }

  async #load(): Promise<void> {
    const { clock, random, faults } = this.#deps;
    await clock.sleep(between(random, 20, LOAD_MS_MAX), this.#stopped.signal);
    if (this.#stopped.signal.aborted) return;
    this.#life = new AbortController();
    if (faults.happens('model-does-not-load', 0.02)) {
      this.problem = 'GOLDEN_MISMATCH: drawn by the seed';
      this.#tell('FAILED');
    } else this.#tell('READY');
  }

  #tell(state: ModelProcessState): void {
    if (this.state === 'STOPPED') return;
    this.state = state;
    if (state !== 'LOADING') this.#settle();
    this.#onState(this);
  }

  async #scoreNow(inputs: readonly Tensor[], life: AbortController): Promise<readonly Tensor[]> {
    const { clock, random, faults, scoreMs } = this.#deps;
    if (this.state !== 'READY' || life.signal.aborted) throw this.#error('MODEL_UNAVAILABLE', this.state);
    const values = Array.from(inputs[0]?.data ?? [], Number);
    const pauseMs = scoreMs ?? between(random, 0, SCORE_MS_MAX);
    await clock.sleep(faults.happens('model-slow', 0.01) ? SLOW_MS : pauseMs, life.signal);
    const hangs = faults.happens('model-hangs', 0.003);
    if (hangs) await clock.sleep(DEADLINE_MS, life.signal);
    if (life.signal.aborted) throw this.#error('MODEL_CRASHED', 'SIGKILL');
    if (hangs || faults.happens('model-crashes', 0.004)) {
      life.abort();
      this.#tell('LOADING');
      void this.#load();
      throw this.#error(hangs ? 'MODEL_DEADLINE' : 'MODEL_CRASHED', 'drawn by the seed');
    }
    if (faults.happens('model-bad-row', 0.004)) throw this.#error('MODEL_FAILED', 'drawn by the seed');
    const data = Float32Array.from(values, (x) => this.ref.version * 1_000 + x);
    return [{ name: 'y', datatype: 'FP32', shape: [values.length, 1], data }];
  }

  #error(
    code: 'MODEL_UNAVAILABLE' | 'MODEL_CRASHED' | 'MODEL_DEADLINE' | 'MODEL_FAILED',
    detail: string,
  ): MillraceError {
    return new MillraceError(code, {
      version: this.ref.version,
      endpoint: this.#endpoint,
      detail,
      deadlineMs: DEADLINE_MS,
    });
  }
}
