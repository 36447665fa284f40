// Batch line: the batches of one model's process, in order: a few on the way, the others waiting.
// Invariant: the process works on the oldest only, so only the oldest is to blame for a death or a missed deadline;
// every batch that enters is resolved or rejected exactly once.

import { MillraceError } from '../domain/errors.ts';
import type { Tensor } from '../domain/tensor.ts';

/** On the way at once: one that is being scored and one that hides the wake-up (measured: 2 suffice). */
export const IN_FLIGHT_MAX = 2;
/** Waiting batches: callers bound themselves far below; beyond it the caller is broken. */
export const WAITING_MAX = 1_024;

export interface Batch {
  readonly id: number;
  readonly rows: number;
  readonly inputs: readonly Tensor[];
  readonly resolve: (outputs: readonly Tensor[]) => void;
  readonly reject: (error: MillraceError) => void;
}

export class BatchLine {
  #inFlight: Batch[] = [];
  #waiting: Batch[] = [];
  #nextId = 1;

  /** The batch that the process works on. */
  get oldest(): Batch | undefined {
    return this.#inFlight[0];
  }

  /** Resolves with the outputs. @throws MODEL_UNAVAILABLE when the line is full */
  enter(inputs: readonly Tensor[], rows: number): Promise<readonly Tensor[]> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length >= WAITING_MAX) {
        reject(new MillraceError('MODEL_UNAVAILABLE', { detail: `${WAITING_MAX} batches are waiting` }));
        return;
      }
      this.#waiting.push({ id: this.#nextId, rows, inputs, resolve, reject });
      this.#nextId = (this.#nextId % 0xffff_ffff) + 1;
    });
  }

  /** The next batch to send, now on the way; null when none waits or enough are on the way. */
  depart(): Batch | null {
    if (this.#inFlight.length >= IN_FLIGHT_MAX) return null;
    const batch = this.#waiting.shift();
    if (batch === undefined) return null;
    this.#inFlight.push(batch);
    return batch;
  }

  /** Takes the oldest, which must be `id`. @throws FRAME_INVALID for any other */
  arrive(id: number): Batch {
    const batch = this.#inFlight[0];
    if (batch === undefined || batch.id !== id) {
      throw new MillraceError('FRAME_INVALID', { detail: `an answer to batch ${id}, expected ${batch?.id ?? 'none'}` });
    }
    this.#inFlight.shift();
    return batch;
  }

  /** The process is gone: `blame` for the oldest on the way, `others` for all the rest. */
  rejectAll(blame: MillraceError, others: MillraceError): void {
    const [oldest, ...rest] = this.#inFlight;
    const waiting = this.#waiting;
    this.#inFlight = [];
    this.#waiting = [];
    oldest?.reject(blame);
    for (const batch of [...rest, ...waiting]) batch.reject(others);
  }
}
