// FakeLauncher: models without processes, for tests of the road on the memory bus.
// A version answers `version * 1000 + x`; its behaviour can be changed while it runs.

import { MillraceError } from '../../shared/domain/errors.ts';
import type { ModelRef } from '../../shared/domain/route-plan.ts';
import type { Signature, Tensor } from '../../shared/domain/tensor.ts';
import { BatchLine } from '../../shared/runtimes/batch-line.ts';
import type { ModelLauncher, ModelProcess, ModelProcessState } from '../../shared/runtimes/model-process.ts';

export const FAKE_SIGNATURE: Signature = signatureOf(1);

function signatureOf(width: number): Signature {
  return {
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 1] }],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, width] }],
  };
}

/** The answer of `version` to `x`. */
export function fakeAnswer(version: number, x: number): number {
  return version * 1000 + x;
}

export interface FakeModel {
  readonly state: ModelProcessState;
  /** Values of `x` that make the model throw. */
  readonly poison: readonly number[];
  /** Values of `x` over which the process ends; it comes up again by itself. */
  readonly deadly: readonly number[];
  /** How often the answer is repeated for each row. */
  readonly width: number;
  readonly maxBatchRows: number;
}

const SOUND: FakeModel = { state: 'READY', poison: [], deadly: [], width: 1, maxBatchRows: 64 };

export interface FakeLauncher extends ModelLauncher {
  /** Changes how a version behaves from now on; versions are READY and sound unless told otherwise. */
  set(version: number, model: Partial<FakeModel>): void;
  /** Versions whose process runs now, ascending. */
  running(): readonly number[];
}

export function fakeLauncher(): FakeLauncher {
  const models = new Map<number, FakeModel>();
  const processes = new Set<FakeProcess>();
  const modelOf = (version: number): FakeModel => models.get(version) ?? SOUND;
  return {
    set: (version, model) => {
      models.set(version, { ...modelOf(version), ...model });
      for (const process of processes) if (process.ref.version === version) process.changed();
    },
    running: () => [...new Set([...processes].map((process) => process.ref.version))].sort((a, b) => a - b),
    launch: (_endpoint, ref, { onState }) => {
      const process = new FakeProcess(ref, () => modelOf(ref.version), {
        onState,
        onStop: (stopped) => processes.delete(stopped),
      });
      processes.add(process);
      return process;
    },
  };
}

interface FakeHooks {
  readonly onState: (process: ModelProcess) => void;
  readonly onStop: (process: FakeProcess) => void;
}

class FakeProcess implements ModelProcess {
  readonly ref: ModelRef;
  readonly runtime = 'fake 1';
  readonly settled: Promise<void>;
  readonly #model: () => FakeModel;
  readonly #hooks: FakeHooks;
  #settle: () => void = () => {};
  /** As in a real process: the oldest batch is at work, and is to blame when the process ends. */
  readonly #line = new BatchLine();
  #stopped = false;
  #down = false;

  constructor(ref: ModelRef, model: () => FakeModel, hooks: FakeHooks) {
    this.ref = ref;
    this.#model = model;
    this.#hooks = hooks;
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    queueMicrotask(() => this.changed());
  }

  get state(): ModelProcessState {
    if (this.#stopped) return 'STOPPED';
    return this.#down ? 'LOADING' : this.#model().state;
  }

  get signature(): Signature {
    return signatureOf(this.#model().width);
  }

  get maxBatchRows(): number {
    return this.#model().maxBatchRows;
  }

  get problem(): string {
    return this.state === 'FAILED' ? 'GOLDEN_MISMATCH: made to fail' : '';
  }

  changed(): void {
    if (this.state !== 'LOADING') this.#settle();
    this.#hooks.onState(this);
  }

  async score(inputs: readonly Tensor[]): Promise<readonly Tensor[]> {
    if (this.state !== 'READY') throw this.#error('MODEL_UNAVAILABLE', this.state);
    const answered = this.#line.enter(inputs, inputs[0]?.shape[0] ?? 0);
    this.#line.depart();
    setImmediate(() => this.#work());
    return answered;
  }

  #work(): void {
    const batch = this.#line.oldest;
    if (batch === undefined) return;
    const values = Array.from(batch.inputs[0]?.data ?? [], Number);
    const { deadly, poison } = this.#model();
    if (values.some((value) => deadly.includes(value))) {
      this.#die();
      return;
    }
    this.#line.arrive(batch.id);
    this.#line.depart();
    const bad = values.find((value) => poison.includes(value));
    if (bad === undefined) batch.resolve([this.#answer(values)]);
    else batch.reject(this.#error('MODEL_FAILED', `cannot score ${bad}`));
  }

  #answer(values: readonly number[]): Tensor {
    const { width } = this.#model();
    const data = new Float32Array(values.length * width);
    for (const [row, value] of values.entries()) {
      data.fill(fakeAnswer(this.ref.version, value), row * width, (row + 1) * width);
    }
    return { name: 'y', datatype: 'FP32', shape: [values.length, width], data };
  }

  #die(): void {
    this.#down = true;
    this.#hooks.onState(this);
    this.#line.rejectAll(this.#error('MODEL_CRASHED', 'made to die'), this.#error('MODEL_UNAVAILABLE', 'replaced'));
    setImmediate(() => {
      this.#down = false;
      this.changed();
    });
  }

  #error(code: 'MODEL_UNAVAILABLE' | 'MODEL_CRASHED' | 'MODEL_FAILED', detail: string): MillraceError {
    return new MillraceError(code, { version: this.ref.version, endpoint: 'test', detail });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const stopped = this.#error('MODEL_UNAVAILABLE', 'STOPPED');
    this.#line.rejectAll(stopped, stopped);
    this.#settle();
    this.#hooks.onStop(this);
  }
}
