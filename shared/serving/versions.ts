// Versions: the model processes of one endpoint in this worker, by version and digest.
// Flow: plans say which to keep; scorer and shadow ask them to score. Each has its own process and its own drain batcher,
//       which mixes the requests of all partitions.
// Invariant: a version's process lives as long as a plan binds it to a lane, and the controller unbinds a lane only
//       when it is drained; a version that a record names and no plan (yet) does is launched on demand.

import { setMaxListeners } from 'node:events';
import { aborted, type Clock, unlessAborted } from '../domain/clock.ts';
import { errorCode, MillraceError } from '../domain/errors.ts';
import { LANES, type ModelRef, type RoutePlan, sameModel } from '../domain/route-plan.ts';
import type { Signature, Tensor } from '../domain/tensor.ts';
import type { ModelLauncher, ModelProcess } from '../runtimes/model-process.ts';
import { type DrainBatcher, drainBatcher } from '../scoring/drain.ts';
import type { RowOutcome, Scored } from '../scoring/isolate.ts';
import { notFinite, outputProblem, type RowBlock } from '../scoring/rows.ts';

/** Batches in flight per model process: the second hides the process's wake-up. */
const BATCHES_IN_FLIGHT = 2;
/** Times that a batch is sent which is not answered because the process ended over another: more than its circuit allows. */
const SENDS_MAX = 32;
/** A failed incumbent is launched again this long after it failed. */
const RELAUNCH_AFTER_MS = 5_000;

export interface VersionsOptions {
  readonly endpoint: string;
  readonly launcher: ModelLauncher;
  readonly clock: Clock;
  /** Called whenever a process changed its state. */
  readonly onState: (process: ModelProcess) => void;
}

/** What a plan wants to be there. */
export interface Bound {
  readonly rollout: string;
  readonly versions: readonly ModelRef[];
  /** Null: nobody answers whom the loading of another could slow. */
  readonly incumbent: ModelRef | null;
  /** What is still queued for these is given back at once. */
  readonly revoked: readonly ModelRef[];
}

/** Versions that nobody answers beside. */
export function boundAlone(rollout: string, versions: readonly ModelRef[]): Bound {
  return { rollout, versions, incumbent: null, revoked: [] };
}

/** What a plan binds to its lanes. */
export function boundBy(plan: RoutePlan | undefined): Bound {
  if (plan === undefined) return boundAlone('', []);
  const { rollout, lanes, incumbent, revoked } = plan;
  const versions = LANES.map((lane) => lanes[lane]).filter((ref) => ref !== null);
  return { rollout, versions, incumbent: incumbent === null ? null : lanes[incumbent], revoked };
}

interface Version {
  process: ModelProcess;
  /** The rollout under which `process` was launched. */
  rollout: string;
  readonly batcher: DrainBatcher;
  failedAtMs: number | null;
  stateChanged: AbortController;
  /** Aborts when a plan revokes the version: what waits for it is rescued at once, whatever its process does. */
  readonly revoked: AbortController;
}

export class Versions {
  readonly #options: VersionsOptions;
  readonly #versions = new Map<string, Version>();
  /** Of the newest plan. */
  #rollout = '';
  #incumbent: ModelRef | null = null;
  #stopped = false;

  constructor(options: VersionsOptions) {
    this.#options = options;
  }

  /** Launches what is bound and is not there, or is spent; stops what is bound no more. */
  async reconcile(bound: Bound): Promise<void> {
    this.#rollout = bound.rollout;
    this.#incumbent = bound.incumbent;
    for (const ref of bound.revoked) this.#versions.get(keyOf(ref))?.revoked.abort();
    const ended = [...this.#versions].filter(([, version]) => {
      const { ref } = version.process;
      return !bound.versions.some((one) => sameModel(one, ref)) || this.#isSpent(version, bound);
    });
    for (const [key] of ended) this.#versions.delete(key);
    for (const ref of bound.versions) this.#ensure(ref);
    await Promise.all(ended.map(([, version]) => version.process.stop()));
  }

  /**
   * What ended with an earlier rollout of the same version, whose drained lane was seen in one step with its new binding:
   * it was revoked and is not any more, or it FAILED then.
   */
  #isSpent(version: Version, { revoked }: Bound): boolean {
    const { ref, state } = version.process;
    if (version.revoked.signal.aborted) return !revoked.some((one) => sameModel(one, ref));
    return state === 'FAILED' && version.rollout !== this.#rollout;
  }

  /** Resolves when `ref` is READY or FAILED for the first time. */
  settled(ref: ModelRef): Promise<void> {
    return this.#ensure(ref).process.settled;
  }

  processes(): readonly ModelProcess[] {
    return [...this.#versions.values()].map((version) => version.process);
  }

  /**
   * What a version takes, once it is READY.
   * @throws MODEL_UNAVAILABLE when it is not coming up, VERSION_REVOKED
   */
  async open(ref: ModelRef): Promise<{ readonly signature: Signature; readonly maxBatchRows: number }> {
    const { process } = await this.#ready(this.#ensure(ref));
    const { signature, maxBatchRows } = process;
    if (signature === null) throw this.#unavailable(process);
    return { signature, maxBatchRows };
  }

  /** Outcomes of `blocks`, in order. @throws MODEL_UNAVAILABLE, VERSION_REVOKED */
  score(ref: ModelRef, blocks: readonly RowBlock[]): Promise<readonly RowOutcome[]> {
    return this.#ensure(ref).batcher.submit(blocks);
  }

  /** Gives a FAILED version another try: an incumbent has nobody who could answer instead. */
  revive(ref: ModelRef): void {
    const version = this.#versions.get(keyOf(ref));
    if (version === undefined || version.failedAtMs === null || this.#stopped) return;
    if (this.#options.clock.nowMs() - version.failedAtMs < RELAUNCH_AFTER_MS) return;
    version.failedAtMs = null;
    version.rollout = this.#rollout;
    version.process = this.#launch(ref, () => version);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#versions.values()].map((version) => version.process.stop()));
  }

  #ensure(ref: ModelRef): Version {
    const known = this.#versions.get(keyOf(ref));
    if (known !== undefined) return known;
    // Its process may say something while it is still being launched. A version that no plan binds any more must hear of
    // its end all the same: records wait for it.
    const launched: { version?: Version } = {};
    const version: Version = {
      process: this.#launch(ref, () => launched.version),
      rollout: this.#rollout,
      batcher: drainBatcher({
        scoring: {
          score: (inputs) => this.#scoreOnce(version, inputs),
          outputError: (outputs) => this.#outputError(version.process, notFinite(outputs)),
        },
        maxRows: () => version.process.maxBatchRows,
        depth: BATCHES_IN_FLIGHT,
      }),
      failedAtMs: null,
      stateChanged: signalController(),
      revoked: signalController(),
    };
    launched.version = version;
    this.#versions.set(keyOf(ref), version);
    return version;
  }

  #launch(ref: ModelRef, versionOf: () => Version | undefined): ModelProcess {
    const { endpoint, launcher } = this.#options;
    const loadsBehind = () => this.#incumbent !== null && !sameModel(this.#incumbent, ref);
    const onState = (process: ModelProcess) => {
      const version = versionOf();
      // A process that was replaced still says that it stopped.
      if (version?.process === process) {
        if (process.state === 'FAILED') version.failedAtMs = this.#options.clock.nowMs();
        const fired = version.stateChanged;
        version.stateChanged = signalController();
        fired.abort();
      }
      this.#options.onState(process);
    };
    return launcher.launch(endpoint, ref, { onState, loadsBehind });
  }

  /**
   * A batch that was on its way when the process ended over the one before goes again by the next run of the process:
   * nothing is wrong with it, nor with the version as a whole. Waiting for that run is bounded by its load deadline and
   * its circuit.
   */
  async #scoreOnce(version: Version, inputs: readonly Tensor[]): Promise<Scored> {
    for (let sends = 1; ; sends++) {
      const { process } = await this.#ready(version);
      try {
        const startUs = this.#options.clock.monotonicUs();
        const scored = process.score(inputs);
        const outputs = await unlessAborted(scored, version.revoked.signal, () => this.#revokedError(version));
        const scoringUs = this.#options.clock.monotonicUs() - startUs;
        this.#check(process, inputs, outputs);
        return { outputs, by: { model: process.ref, runtime: process.runtime, scoringUs } };
      } catch (error) {
        const replaced = errorCode(error) === 'MODEL_UNAVAILABLE' && isAlive(process);
        if (!replaced || sends >= SENDS_MAX) throw error;
      }
    }
  }

  /** @throws MODEL_OUTPUT */
  #check(process: ModelProcess, inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
    const rows = inputs[0]?.shape[0] ?? 0;
    const problem = process.signature === null ? null : outputProblem(outputs, process.signature, rows);
    if (problem !== null) throw new MillraceError('MODEL_OUTPUT', { ...this.#names(process), detail: problem });
  }

  #outputError(process: ModelProcess, tensor: string | null): MillraceError | null {
    if (tensor === null) return null;
    const detail = `'${tensor}' holds NaN or infinity`;
    return new MillraceError('MODEL_OUTPUT', { ...this.#names(process), detail });
  }

  /** Waits while the process loads (again); the launcher's load deadline and circuit bound that. */
  async #ready(version: Version): Promise<Version> {
    for (;;) {
      const changed = version.stateChanged.signal;
      const { state } = version.process;
      if (version.revoked.signal.aborted) throw this.#revokedError(version);
      if (state === 'READY') return version;
      if (state !== 'LOADING') throw this.#unavailable(version.process);
      await aborted(changed, version.revoked.signal);
    }
  }

  #revokedError({ process }: Version): MillraceError {
    return new MillraceError('VERSION_REVOKED', this.#names(process));
  }

  #unavailable(process: ModelProcess): MillraceError {
    return new MillraceError('MODEL_UNAVAILABLE', {
      ...this.#names(process),
      detail: process.problem === '' ? process.state : process.problem,
    });
  }

  #names(process: ModelProcess): { version: number; endpoint: string } {
    return { version: process.ref.version, endpoint: this.#options.endpoint };
  }
}

/** Many partitions wait on one of these, which is no leak. */
function signalController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** It serves, or will again. */
function isAlive({ state }: ModelProcess): boolean {
  return state === 'READY' || state === 'LOADING';
}

function keyOf(ref: ModelRef): string {
  return `${ref.version}/${ref.digest}`;
}
