// Prepare: from a verified package to a model that is warm and proven. Runs inside the model's process.
// Flow: choose a runtime (in the package's order) → load → warm up at each size until stable → golden check → READY.
// Invariant: the runtime is chosen here, once; what was chosen is in the label and never changes afterwards: a run of the
//            process that chooses another one than the run before is refused by the worker.

import { errorText, MillraceError } from '../domain/errors.ts';
import type { GoldenSample, Manifest } from '../domain/manifest.ts';
import { rowElements, type Signature, type Tensor } from '../domain/tensor.ts';
import { loadFailed } from './bind.ts';
import { tensorsProblem } from './check-tensors.ts';
import { PASSED_OVER_CHARS_MAX } from './control.ts';
import { checkGolden, typedData } from './golden-check.ts';
import { findRuntime } from './registry.ts';
import type { LoadedModel, ModelRuntime } from './runtime.ts';

/** A size is warm when a run takes at most so much longer than the fastest before it; or after the most runs. */
const STABLE_RATIO = 1.5;
const WARM_UP_RUNS_MIN = 3;
const WARM_UP_RUNS_MAX = 16;

export interface PreparedModel {
  readonly label: string;
  /** Why the runtimes before it in the package's list do not serve; empty when it is the first. */
  readonly passedOver: string;
  readonly model: LoadedModel;
}

export interface PackageToServe {
  readonly manifest: Manifest;
  readonly golden: readonly GoldenSample[];
  /** Absolute path of the entry. */
  readonly entry: string;
}

interface Failure {
  /** Of the runtime. */
  readonly id: string;
  readonly error: MillraceError;
}

/**
 * @param nowMs monotonic milliseconds, to see when warm-up is stable
 * @throws RUNTIME_UNAVAILABLE, RUNTIME_UNKNOWN, MODEL_LOAD_FAILED, GOLDEN_MISMATCH
 */
export async function prepareModel(
  served: PackageToServe,
  runtimes: readonly ModelRuntime[],
  nowMs: () => number,
): Promise<PreparedModel> {
  const { manifest } = served;
  const prepared = await firstThatLoads(served, runtimes, nowMs);
  await checkGolden(prepared.model, manifest.signature, served.golden);
  return prepared;
}

/** A runtime that is not installed, or that cannot take this file, leaves it to the next of the package's list. */
async function firstThatLoads(
  served: PackageToServe,
  runtimes: readonly ModelRuntime[],
  nowMs: () => number,
): Promise<PreparedModel> {
  const { manifest } = served;
  const failures: Failure[] = [];
  for (const id of manifest.runtimes) {
    try {
      const open = await findRuntime(id, manifest.format, runtimes).open();
      const model = await open.load(served.entry, manifest.format, manifest.signature);
      await warmUp(model, manifest, nowMs).catch(async (error: unknown) => {
        // The next runtime must not have to share the process's memory with it; how it ends does not matter.
        await model.dispose().catch(() => undefined);
        throw error;
      });
      return { label: open.label, passedOver: wordsOf(failures).slice(0, PASSED_OVER_CHARS_MAX), model };
    } catch (error) {
      const known = error instanceof MillraceError ? error : loadFailed(errorText(error), error);
      failures.push({ id, error: known });
    }
  }
  throw bestFailure(failures);
}

/** What a reader can act on: the model's own failure before a missing runtime; the others in its words. */
function bestFailure(failures: readonly Failure[]): MillraceError {
  const best = failures.find(({ error }) => error.code === 'MODEL_LOAD_FAILED') ?? failures[0];
  if (best === undefined || failures.length === 1) return best?.error ?? loadFailed('the package names no runtime');
  const { code, context } = best.error;
  return new MillraceError(code, { ...context, detail: wordsOf(failures).slice(0, PASSED_OVER_CHARS_MAX) }, best.error);
}

function wordsOf(failures: readonly Failure[]): string {
  return failures.map(({ id, error }) => `${id}: ${String(error.context.detail ?? error.message)}`).join('; ');
}

async function warmUp(model: LoadedModel, manifest: Manifest, nowMs: () => number): Promise<void> {
  for (const rows of manifest.warmUpRows) {
    const inputs = zeroInputs(manifest.signature, rows);
    let fastestMs = Number.POSITIVE_INFINITY;
    for (let run = 1; run <= WARM_UP_RUNS_MAX; run++) {
      const startMs = nowMs();
      const outputs = await model.run(inputs);
      const tookMs = nowMs() - startMs;
      const problem = tensorsProblem(manifest.signature.outputs, outputs, rows);
      if (problem !== null) throw loadFailed(`a warm-up of ${rows} rows: ${problem}`);
      const stable = tookMs <= fastestMs * STABLE_RATIO;
      fastestMs = Math.min(fastestMs, tookMs);
      if (run >= WARM_UP_RUNS_MIN && stable) break;
    }
  }
}

function zeroInputs(signature: Signature, rows: number): readonly Tensor[] {
  return signature.inputs.map((spec) => ({
    name: spec.name,
    datatype: spec.datatype,
    shape: [rows, ...spec.shape.slice(1)],
    data: typedData(spec.datatype, new Array<number>(rows * rowElements(spec.shape)).fill(0)),
  }));
}
