// Supervised model: one model version's process, kept alive: the worker's side of ModelProcess.
// Flow: LOADING → READY → score() → …; a death → LOADING again, until the circuit opens (FAILED) or stop().
// Invariant: every score() settles, whatever the process does; nothing here waits on the process's goodwill.

import { MillraceError } from '../domain/errors.ts';
import type { ModelRef } from '../domain/route-plan.ts';
import type { Signature, Tensor } from '../domain/tensor.ts';
import { BatchLine } from './batch-line.ts';
import { tensorsProblem } from './check-tensors.ts';
import { ChildLink } from './child-link.ts';
import { modelEnvironment } from './confine.ts';
import { type Accepted, acceptedSchema, failureSchema, parseControl, readySchema, type Start } from './control.ts';
import { decodeTensors, encodeControl, encodeFrame, encodeTensors, FRAME_KINDS, type Frame } from './frames.ts';
import type { ModelProcess, ModelProcessState, Owner } from './model-process.ts';
import { afterAnswer, afterBatchDeath, afterFailedStart, NO_DEATHS } from './respawn.ts';
import type { ModelLauncherOptions, ModelNotice } from './spawn.ts';
import type { Spawner } from './spawner.ts';
import { exceedsMemory, memoryWithoutCap, missesDeadline } from './watch.ts';

/** From start to ACCEPTED: read and hash the package. After that, the package's own loadDeadlineMs counts. */
const ACCEPT_DEADLINE_MS = 120_000;
/** What a bare process has before it loads anything; allowed on top of the package's memory where we must watch. */
const BARE_PROCESS_BYTES = 64 * 1024 * 1024;
const MIB_BYTES = 1024 * 1024;

export interface LaunchOf {
  readonly endpoint: string;
  readonly ref: ModelRef;
  readonly owner: Owner;
}

export class SupervisedModel implements ModelProcess {
  readonly settled: Promise<void>;
  state: ModelProcessState = 'LOADING';
  runtime = '';
  signature: Signature | null = null;
  problem = '';
  maxBatchRows = 0;
  readonly #options: ModelLauncherOptions;
  readonly #spawner: Spawner;
  readonly #of: LaunchOf;
  readonly #line = new BatchLine();
  readonly #stopping = new AbortController();
  #settle: () => void = () => undefined;
  #link: ChildLink | null = null;
  #deadlineMs = 0;
  #deaths = NO_DEATHS;
  /** Of the present run of the process: ends its watches; why we killed it; whether it was READY. */
  #run = new AbortController();
  #verdict: MillraceError | null = null;
  #wasReady = false;
  #watching = false;

  constructor(options: ModelLauncherOptions, spawner: Spawner, launch: LaunchOf) {
    this.#options = options;
    this.#spawner = spawner;
    this.#of = launch;
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get ref(): ModelRef {
    return this.#of.ref;
  }

  start(): void {
    this.#run = new AbortController();
    this.#verdict = null;
    this.#wasReady = false;
    this.#watching = false;
    const { nice, environment, repository, clock, runtimeModules = [] } = this.#options;
    const { endpoint, ref, owner } = this.#of;
    const link = new ChildLink(this.#spawner, {
      ...{ nice, environment: modelEnvironment(environment), behind: owner.loadsBehind() },
      onFrame: (frame) => this.#receive(frame),
      clock,
    });
    this.#link = link;
    const start: Start = { root: repository, endpoint, ...ref, runtimeModules: [...runtimeModules] };
    link.send(encodeControl(FRAME_KINDS.START, 0, start));
    void this.#killUnlessLoaded(ACCEPT_DEADLINE_MS);
    void link.ended.then((end) => this.#ended(end.detail));
  }

  score(inputs: readonly Tensor[]): Promise<readonly Tensor[]> {
    if (this.state !== 'READY' || this.signature === null) return Promise.reject(this.#unavailable());
    const rows = inputs[0]?.shape[0] ?? 0;
    const tooMany = rows < 1 || rows > this.maxBatchRows ? `${rows} rows, allowed are 1 to ${this.maxBatchRows}` : null;
    const problem = tooMany ?? tensorsProblem(this.signature.inputs, inputs, rows);
    if (problem !== null) return Promise.reject(this.#error('MODEL_FAILED', problem));
    const answered = this.#line.enter(inputs, rows);
    this.#sendNext();
    return answered;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#run.abort();
    if (this.state !== 'STOPPED' && this.state !== 'FAILED') this.#become('STOPPED', '');
    this.#line.rejectAll(this.#unavailable(), this.#unavailable());
    this.#settle();
    this.#link?.kill();
    await this.#link?.ended;
  }

  #sendNext(): void {
    for (let batch = this.#line.depart(); batch !== null; batch = this.#line.depart()) {
      const head = { kind: FRAME_KINDS.SCORE, id: batch.id, rows: batch.rows };
      this.#link?.send(encodeFrame(head, encodeTensors(batch.inputs)));
    }
    if (!this.#watching && this.#line.oldest !== undefined) void this.#watchDeadline();
  }

  /** @throws FRAME_INVALID for what the process may not say now; the link then kills it */
  #receive(frame: Frame): void {
    switch (frame.kind) {
      case FRAME_KINDS.ACCEPTED:
        this.#accepted(parseControl(acceptedSchema, frame));
        break;
      case FRAME_KINDS.READY:
        this.#ready(frame);
        break;
      case FRAME_KINDS.REFUSED:
        this.#refused(frame);
        break;
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
    this.#notice('memory-not-capped', memoryWithoutCap(this.#link?.pid));
    void this.#watchMemory(accepted.memoryMb);
  }

  #ready(frame: Frame): void {
    const ready = parseControl(readySchema, frame);
    if (ready.digest !== this.ref.digest || this.state !== 'LOADING') {
      throw new MillraceError('FRAME_INVALID', { detail: `READY for ${ready.digest.slice(0, 12)}` });
    }
    const before = this.runtime;
    if (before !== '' && ready.runtime !== before) {
      const reasons = ready.passedOver === '' ? '' : ` (${ready.passedOver})`;
      this.#kill(this.#error('MODEL_LOAD_FAILED', `it would run on ${ready.runtime} now, not on ${before}${reasons}`));
      return;
    }
    this.runtime = ready.runtime;
    this.signature = ready.signature;
    this.maxBatchRows = ready.maxBatchRows;
    this.#deadlineMs = ready.deadlineMs;
    this.#wasReady = true;
    this.#link?.comeForward();
    this.#notice('ready', ready.runtime);
    const problem = ready.passedOver === '' ? '' : `runtimes passed over: ${ready.passedOver}`;
    if (problem !== '') this.#notice('fell-back', problem);
    this.#become('READY', problem);
    this.#settle();
  }

  #refused(frame: Frame): void {
    const failure = parseControl(failureSchema, frame);
    if (this.state !== 'LOADING') throw new MillraceError('FRAME_INVALID', { detail: `REFUSED while ${this.state}` });
    this.#giveUp('refused', new MillraceError(failure.code, failure.context));
  }

  #answered(frame: Frame): void {
    const batch = this.#line.oldest;
    if (this.signature === null || batch?.id !== frame.id || batch.rows !== frame.rows) {
      throw new MillraceError('FRAME_INVALID', { detail: `an answer to batch ${frame.id} of ${frame.rows} rows` });
    }
    const outputs = decodeTensors(frame.payload, this.signature.outputs, frame.rows);
    this.#deaths = afterAnswer(this.#deaths);
    this.#line.arrive(frame.id).resolve(outputs);
    this.#sendNext();
  }

  #failed(frame: Frame): void {
    const failure = parseControl(failureSchema, frame);
    const code = failure.code === 'MODEL_OUTPUT' ? 'MODEL_OUTPUT' : 'MODEL_FAILED';
    this.#deaths = afterAnswer(this.#deaths);
    this.#line.arrive(frame.id).reject(new MillraceError(code, failure.context));
    this.#sendNext();
  }

  async #killUnlessLoaded(deadlineMs: number): Promise<void> {
    const { signal } = this.#run;
    await this.#options.clock.sleep(deadlineMs, signal);
    if (signal.aborted || this.state !== 'LOADING') return;
    this.#kill(this.#error('MODEL_LOAD_FAILED', `not ready after ${deadlineMs} ms`));
  }

  async #watchDeadline(): Promise<void> {
    const { signal } = this.#run;
    this.#watching = true;
    const missed = await missesDeadline(
      { clock: this.#options.clock, signal },
      this.#deadlineMs,
      () => this.#line.oldest,
    );
    if (signal.aborted) return;
    this.#watching = false;
    // A batch may have come between the watch's last look and here.
    if (!missed) return this.#sendNext();
    const context = { endpoint: this.#of.endpoint, version: this.ref.version, deadlineMs: this.#deadlineMs };
    this.#kill(new MillraceError('MODEL_DEADLINE', context));
  }

  async #watchMemory(memoryMb: number): Promise<void> {
    const { signal } = this.#run;
    const pid = this.#link?.pid;
    if (pid === undefined) return;
    const limitBytes = memoryMb * MIB_BYTES + BARE_PROCESS_BYTES;
    const bytes = await exceedsMemory({ clock: this.#options.clock, signal }, pid, limitBytes);
    if (bytes === null || signal.aborted) return;
    this.#kill(this.#error('MODEL_CRASHED', `killed at ${bytes} bytes of memory, its cap is ${limitBytes}`));
  }

  /** The callers learn it now, not when the kernel is done with the process. */
  #kill(verdict: MillraceError): void {
    this.#verdict = verdict;
    this.#run.abort();
    this.#link?.kill();
    this.#down(verdict);
  }

  #down(cause: MillraceError): void {
    if (this.state === 'READY') this.#become('LOADING', '');
    this.#line.rejectAll(cause, this.#error('MODEL_UNAVAILABLE', 'its process is being replaced'));
  }

  /** A run is over. Nothing to do after stop() and after a refusal; else blame, wait and start again. */
  #ended(detail: string): void {
    this.#run.abort();
    if (this.state === 'STOPPED' || this.state === 'FAILED') return;
    const cause = this.#verdict ?? this.#error('MODEL_CRASHED', detail);
    this.#notice('died', cause.message);
    this.#down(cause);
    const nowMs = this.#options.clock.nowMs();
    const decision = this.#wasReady ? afterBatchDeath(this.#deaths, nowMs) : afterFailedStart(this.#deaths);
    if (decision.action === 'give-up') {
      const last = `${decision.why}; the last: ${cause.message}`;
      return void this.#giveUp('gave-up', this.#error('MODEL_UNAVAILABLE', last));
    }
    this.#deaths = decision.state;
    return void this.#startAfter(decision.delayMs);
  }

  async #startAfter(delayMs: number): Promise<void> {
    await this.#options.clock.sleep(delayMs, this.#stopping.signal);
    if (!this.#stopping.signal.aborted) this.start();
  }

  #giveUp(what: 'refused' | 'gave-up', error: MillraceError): void {
    this.#notice(what, error.message);
    this.#become('FAILED', `${error.code}: ${error.message}`);
    this.#line.rejectAll(this.#unavailable(), this.#unavailable());
    this.#run.abort();
    this.#link?.kill();
    this.#settle();
  }

  #become(state: ModelProcessState, problem: string): void {
    this.state = state;
    this.problem = problem;
    this.#of.owner.onState(this);
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
