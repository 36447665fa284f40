// Spawn: opens model processes and keeps them alive; the worker's side of ModelProcess.
// Flow: scorer → launch(endpoint, ref) → LOADING → READY → score() → …; a death → LOADING again, until the circuit opens.
// Invariant: every score() settles, whatever the process does; nothing here waits on the process's goodwill.

import type { Clock } from '../domain/clock.ts';
import { MillraceError } from '../domain/errors.ts';
import type { ModelRef } from '../domain/route-plan.ts';
import type { Signature, Tensor } from '../domain/tensor.ts';
import { BatchLine } from './batch-line.ts';
import { tensorsProblem } from './check-tensors.ts';
import { ChildLink } from './child-link.ts';
import { residentBytes } from './confine.ts';
import { type Accepted, acceptedSchema, failureSchema, parseControl, readySchema, type Start } from './control.ts';
import { decodeTensors, encodeControl, encodeFrame, encodeTensors, FRAME_KINDS, type Frame } from './frames.ts';
import type { ModelLauncher, ModelProcess, ModelProcessState } from './model-process.ts';
import { afterAnswer, afterBatchDeath, afterFailedStart, NO_DEATHS, type RespawnDecision } from './respawn.ts';

/** CPU priorities by role. */
export const NICE_LIVE = 0;
export const NICE_SHADOW = 19;

/** From start to ACCEPTED: read and hash the package. After that, the package's own loadDeadlineMs counts. */
const ACCEPT_DEADLINE_MS = 120_000;
/** Where the kernel enforces no cap, the worker looks so often. */
const MEMORY_CHECK_INTERVAL_MS = 250;
/** What a bare process has before it loads anything; allowed on top of the package's memory where we must watch. */
const BARE_PROCESS_BYTES = 64 * 1024 * 1024;
/** A deadline is watched in so many slices, so that a stalled event loop or a clock step kills nobody. */
const DEADLINE_SLICES = 8;

/** For the log; steady state says nothing. */
export interface ModelNotice {
  readonly endpoint: string;
  readonly version: number;
  readonly what: 'ready' | 'died' | 'refused' | 'gave-up' | 'memory-not-capped';
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
  return {
    launch: (endpoint, ref, onState) => {
      const supervised = new SupervisedModel(options, { endpoint, ref, onState });
      supervised.start();
      return supervised;
    },
  };
}

interface LaunchOf {
  readonly endpoint: string;
  readonly ref: ModelRef;
  readonly onState: (process: ModelProcess) => void;
}

class SupervisedModel implements ModelProcess {
  readonly settled: Promise<void>;
  state: ModelProcessState = 'LOADING';
  runtime = '';
  signature: Signature | null = null;
  problem = '';
  maxBatchRows = 0;
  readonly #options: ModelLauncherOptions;
  readonly #of: LaunchOf;
  readonly #line = new BatchLine();
  readonly #settle: () => void;
  readonly #stopping = new AbortController();
  #link: ChildLink | null = null;
  #deaths = NO_DEATHS;
  #deadlineMs = 0;
  /** Why we killed it; the obituary of the present run. */
  #verdict: MillraceError | null = null;
  #watchingDeadline = false;
  /** Ends the waits of the present run. */
  #run = new AbortController();

  constructor(options: ModelLauncherOptions, launch: LaunchOf) {
    this.#options = options;
    this.#of = launch;
    let settle: () => void = () => undefined;
    this.settled = new Promise((resolve) => {
      settle = resolve;
    });
    this.#settle = settle;
  }

  get ref(): ModelRef {
    return this.#of.ref;
  }

  start(): void {
    this.#verdict = null;
    this.#run = new AbortController();
    const link = new ChildLink({
      nice: this.#options.nice,
      environment: this.#options.environment,
      onFrame: (frame) => this.#receive(frame),
    });
    this.#link = link;
    const { endpoint, ref } = this.#of;
    const start: Start = {
      root: this.#options.repository,
      endpoint,
      version: ref.version,
      digest: ref.digest,
      runtimeModules: [...(this.#options.runtimeModules ?? [])],
    };
    link.send(encodeControl(FRAME_KINDS.START, 0, start));
    void this.#killUnlessLoaded(ACCEPT_DEADLINE_MS);
    void link.ended.then((end) => this.#ended(link, end.detail));
  }

  score(inputs: readonly Tensor[]): Promise<readonly Tensor[]> {
    if (this.state !== 'READY' || this.signature === null) return Promise.reject(this.#unavailable());
    const rows = inputs[0]?.shape[0] ?? 0;
    const tooMany = rows < 1 || rows > this.maxBatchRows ? `${rows} rows, allowed are 1 to ${this.maxBatchRows}` : null;
    const problem = tooMany ?? tensorsProblem(this.signature.inputs, inputs, rows);
    if (problem !== null) return Promise.reject(this.#error('MODEL_FAILED', problem));
    const answered = this.#line.enter(inputs, rows);
    this.#pump();
    return answered;
  }

  async stop(): Promise<void> {
    if (this.state !== 'STOPPED') {
      const state = this.state;
      this.#stopping.abort();
      this.#rejectAll(this.#error('MODEL_UNAVAILABLE', 'it is stopped'));
      if (state !== 'FAILED') this.#become('STOPPED', '');
    }
    this.#run.abort();
    this.#link?.kill();
    await this.#link?.ended;
  }

  #pump(): void {
    for (let batch = this.#line.depart(); batch !== null; batch = this.#line.depart()) {
      const head = { kind: FRAME_KINDS.SCORE, id: batch.id, rows: batch.rows };
      this.#link?.send(encodeFrame(head, encodeTensors(batch.inputs)));
    }
    if (!this.#watchingDeadline && this.#line.oldest !== undefined) void this.#watchDeadline();
  }

  #receive(frame: Frame): void {
    switch (frame.kind) {
      case FRAME_KINDS.ACCEPTED:
        this.#accepted(parseControl(acceptedSchema, frame));
        break;
      case FRAME_KINDS.READY:
        this.#ready(frame);
        break;
      case FRAME_KINDS.REFUSED: {
        const failure = parseControl(failureSchema, frame);
        this.#fail('refused', new MillraceError(failure.code, failure.context));
        break;
      }
      case FRAME_KINDS.ANSWER:
        this.#answered(frame);
        break;
      case FRAME_KINDS.FAILED:
        this.#failed(frame);
        break;
      case FRAME_KINDS.START:
      case FRAME_KINDS.SCORE:
        throw new MillraceError('FRAME_INVALID', { detail: `kind ${frame.kind} from the process` });
    }
  }

  #accepted(accepted: Accepted): void {
    void this.#killUnlessLoaded(accepted.loadDeadlineMs);
    if (accepted.capped) return;
    this.#notice('memory-not-capped', 'prlimit is missing: its memory is watched from outside instead');
    void this.#watchMemory(accepted.memoryMb);
  }

  #ready(frame: Frame): void {
    const ready = parseControl(readySchema, frame);
    if (ready.digest !== this.ref.digest || this.state !== 'LOADING') {
      throw new MillraceError('FRAME_INVALID', { detail: `READY for ${ready.digest.slice(0, 12)}` });
    }
    this.runtime = ready.runtime;
    this.signature = ready.signature;
    this.maxBatchRows = ready.maxBatchRows;
    this.#deadlineMs = ready.deadlineMs;
    this.#notice('ready', ready.runtime);
    this.#become('READY', '');
    this.#settle();
  }

  #answered(frame: Frame): void {
    const batch = this.#line.oldest;
    if (this.signature === null || batch?.id !== frame.id || batch.rows !== frame.rows) {
      throw new MillraceError('FRAME_INVALID', { detail: `an answer to batch ${frame.id} of ${frame.rows} rows` });
    }
    const outputs = decodeTensors(frame.payload, this.signature.outputs, frame.rows);
    this.#deaths = afterAnswer();
    this.#line.arrive(frame.id).resolve(outputs);
    this.#pump();
  }

  #failed(frame: Frame): void {
    const failure = parseControl(failureSchema, frame);
    const code = failure.code === 'MODEL_OUTPUT' ? 'MODEL_OUTPUT' : 'MODEL_FAILED';
    this.#deaths = afterAnswer();
    this.#line.arrive(frame.id).reject(new MillraceError(code, failure.context));
    this.#pump();
  }

  async #killUnlessLoaded(deadlineMs: number): Promise<void> {
    const run = this.#run;
    await this.#options.clock.sleep(deadlineMs, run.signal);
    if (run.signal.aborted || this.state !== 'LOADING') return;
    this.#kill(this.#error('MODEL_LOAD_FAILED', `not ready after ${deadlineMs} ms`));
  }

  /** Kills the process when the same batch was the oldest through all slices of its deadline. */
  async #watchDeadline(): Promise<void> {
    const run = this.#run;
    this.#watchingDeadline = true;
    let watched = this.#line.oldest;
    let slices = 0;
    while (!run.signal.aborted && this.#line.oldest !== undefined) {
      if (this.#line.oldest !== watched) slices = 0;
      watched = this.#line.oldest;
      await this.#options.clock.sleep(this.#deadlineMs / DEADLINE_SLICES, run.signal);
      slices += 1;
      if (run.signal.aborted || this.#line.oldest !== watched || slices < DEADLINE_SLICES) continue;
      const { version } = this.ref;
      const context = { endpoint: this.#of.endpoint, version, deadlineMs: this.#deadlineMs };
      this.#kill(new MillraceError('MODEL_DEADLINE', context));
      break;
    }
    if (this.#run === run) this.#watchingDeadline = false;
  }

  async #watchMemory(memoryMb: number): Promise<void> {
    const run = this.#run;
    const pid = this.#link?.pid;
    const limitBytes = memoryMb * 1024 * 1024 + BARE_PROCESS_BYTES;
    while (!run.signal.aborted && pid !== undefined) {
      const bytes = residentBytes(pid);
      if (bytes === null) return;
      if (bytes > limitBytes)
        return this.#kill(this.#error('MODEL_CRASHED', `${bytes} bytes of memory, cap ${limitBytes}`));
      await this.#options.clock.sleep(MEMORY_CHECK_INTERVAL_MS, run.signal);
    }
  }

  #kill(verdict: MillraceError): void {
    this.#verdict ??= verdict;
    this.#link?.kill();
  }

  /** A run is over. Nothing to do after stop() and after a refusal; else blame, wait and start again. */
  #ended(link: ChildLink, detail: string): void {
    if (this.#link !== link) return;
    this.#run.abort();
    this.#watchingDeadline = false;
    if (this.state === 'STOPPED' || this.state === 'FAILED') return;
    const wasReady = this.state === 'READY';
    const cause = this.#verdict ?? this.#error('MODEL_CRASHED', detail);
    const nowMs = this.#options.clock.nowMs();
    const decision = wasReady ? afterBatchDeath(this.#deaths, nowMs) : afterFailedStart(this.#deaths);
    this.#notice('died', cause.message);
    this.#become('LOADING', '');
    this.#rejectAll(cause);
    void this.#respawn(decision, cause);
  }

  async #respawn(decision: RespawnDecision, cause: MillraceError): Promise<void> {
    if (decision.action === 'give-up') {
      this.#fail('gave-up', this.#error('MODEL_UNAVAILABLE', `${decision.why}; the last: ${cause.message}`));
      return;
    }
    this.#deaths = decision.state;
    await this.#options.clock.sleep(decision.delayMs, this.#stopping.signal);
    if (!this.#stopping.signal.aborted) this.start();
  }

  #fail(what: 'refused' | 'gave-up', error: MillraceError): void {
    if (this.state !== 'LOADING') throw new MillraceError('FRAME_INVALID', { detail: `refused while ${this.state}` });
    this.#notice(what, error.message);
    this.#become('FAILED', `${error.code}: ${error.message}`);
    this.#rejectAll(this.#unavailable());
    this.#run.abort();
    this.#link?.kill();
    this.#settle();
  }

  #become(state: ModelProcessState, problem: string): void {
    this.state = state;
    this.problem = problem;
    this.#of.onState(this);
  }

  #rejectAll(blame: MillraceError): void {
    this.#line.rejectAll(blame, this.#error('MODEL_UNAVAILABLE', 'its process is being replaced'));
  }

  #unavailable(): MillraceError {
    return this.#error('MODEL_UNAVAILABLE', this.problem || `it is ${this.state}`);
  }

  #error(code: 'MODEL_UNAVAILABLE' | 'MODEL_CRASHED' | 'MODEL_FAILED' | 'MODEL_LOAD_FAILED', detail: string) {
    return new MillraceError(code, { endpoint: this.#of.endpoint, version: this.ref.version, detail });
  }

  #notice(what: ModelNotice['what'], detail: string): void {
    this.#options.onNotice({ endpoint: this.#of.endpoint, version: this.ref.version, what, detail });
  }
}
