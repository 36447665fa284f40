// Record: the outputs of golden samples, taken from a real process of the package. Used by packing.

import type { Clock } from '../domain/clock.ts';
import { MillraceError } from '../domain/errors.ts';
import type { OutputRecorder } from '../models/pack.ts';
import { goldenTensors } from './golden-check.ts';
import { NO_OWNER } from './model-process.ts';
import { modelLauncher, NICE_LIVE } from './spawn.ts';

export interface RecorderOptions {
  readonly clock: Clock;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where the runtime that recorded is told, e.g. for `millrace model pack` to print. */
  readonly onRuntime?: (label: string) => void;
}

/** A recorder for `packModel`. It throws MODEL_UNAVAILABLE with the reason when the package does not come up. */
export function outputRecorder(options: RecorderOptions): OutputRecorder {
  return async ({ root, endpoint, ref, signature, samples }) => {
    const launcher = modelLauncher({
      repository: root,
      clock: options.clock,
      nice: NICE_LIVE,
      environment: options.environment,
      onNotice: () => undefined,
    });
    const process = launcher.launch(endpoint, ref, NO_OWNER);
    try {
      await process.settled;
      if (process.state !== 'READY') {
        throw new MillraceError('MODEL_UNAVAILABLE', { endpoint, version: ref.version, detail: process.problem });
      }
      options.onRuntime?.(process.runtime);
      const recorded: number[][][] = [];
      for (const [index, sample] of samples.entries()) {
        const outputs = await process.score(goldenTensors(signature.inputs, sample, index));
        recorded.push(outputs.map((output) => Array.from(output.data as ArrayLike<number | bigint>, Number)));
      }
      return recorded;
    } finally {
      await process.stop();
    }
  };
}
