// FakeLauncher: models without processes, for tests of the road on the memory bus.
// A version answers `version * 1000 + x`; its behaviour can be changed while it runs.

import { MillraceError } from '../../shared/domain/errors.ts';
import type { ModelRef } from '../../shared/domain/route-plan.ts';
import type { Signature, Tensor } from '../../shared/domain/tensor.ts';
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
  /** How often the answer is repeated for each row. */
  readonly width: number;
}

export interface FakeLauncher extends ModelLauncher {
  /** Changes how a version behaves from now on; versions are READY and sound unless told otherwise. */
  set(version: number, model: Partial<FakeModel>): void;
  /** Versions whose process runs now, ascending. */
  running(): readonly number[];
}

export function fakeLauncher(): FakeLauncher {
  const models = new Map<number, FakeModel>();
  const processes = new Set<FakeProcess>();
  const modelOf = (version: number): FakeModel => models.get(version) ?? { state: 'READY', poison: [], width: 1 };
  return {
    set: (version, model) => {
      models.set(version, { ...modelOf(version), ...model });
      for (const process of processes) if (process.ref.version === version) process.changed();
    },
    running: () => [...new Set([...processes].map((process) => process.ref.version))].sort((a, b) => a - b),
    launch: (_endpoint, ref, onState) => {
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
  readonly maxBatchRows = 64;
  readonly settled: Promise<void>;
  readonly #model: () => FakeModel;
  readonly #hooks: FakeHooks;
  #settle: () => void = () => {};
  #stopped = false;

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
    return this.#stopped ? 'STOPPED' : this.#model().state;
  }

  get signature(): Signature {
    return signatureOf(this.#model().width);
  }

  get problem(): string {
    return this.state === 'FAILED' ? 'GOLDEN_MISMATCH: made to fail' : '';
  }

  changed(): void {
    if (this.state !== 'LOADING') this.#settle();
    this.#hooks.onState(this);
  }

  async score(inputs: readonly Tensor[]): Promise<readonly Tensor[]> {
    const names = { version: this.ref.version, endpoint: 'test' };
    if (this.state !== 'READY') throw new MillraceError('MODEL_UNAVAILABLE', { ...names, detail: this.state });
    const values = Array.from(inputs[0]?.data ?? [], Number);
    const bad = values.find((value) => this.#model().poison.includes(value));
    if (bad !== undefined) throw new MillraceError('MODEL_FAILED', { ...names, detail: `cannot score ${bad}` });
    const { width } = this.#model();
    const data = new Float32Array(values.length * width);
    for (const [row, value] of values.entries()) {
      data.fill(fakeAnswer(this.ref.version, value), row * width, (row + 1) * width);
    }
    return [{ name: 'y', datatype: 'FP32', shape: [values.length, width], data }];
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#settle();
    this.#hooks.onStop(this);
  }
}
