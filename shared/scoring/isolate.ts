// Isolate: score a batch, and when it fails find the rows that are to blame by halving.
// Flow: drain batcher → [isolate] → model process. One poison request costs only itself.
// Invariant: every block gets exactly one outcome, in order. A block over which scoring fails has had two attempts on its
//       own; one whose own outputs are wrong (NaN, say) fails at once, because its neighbours have no part in them.

import { errorText, MillraceError } from '../domain/errors.ts';
import type { ModelRef } from '../domain/route-plan.ts';
import type { Tensor } from '../domain/tensor.ts';
import { joinRows, type RowBlock, splitRows } from './rows.ts';

/** Attempts that a single request gets before it counts as failed. */
export const ROW_ATTEMPTS_MAX = 2;

/** Who scored: what a process says of itself, not what was asked for. */
export interface ScoredBy {
  readonly model: ModelRef;
  /** Label of the runtime. */
  readonly runtime: string;
  /** How long the batch took in the process, waiting for its turn there included, microseconds. */
  readonly scoringUs: number;
}

export interface Scored {
  readonly outputs: readonly Tensor[];
  readonly by: ScoredBy;
}

export type RowOutcome =
  | ({ readonly kind: 'scored' } & Scored)
  | { readonly kind: 'failed'; readonly error: MillraceError };

export interface Scoring {
  /** Scores one batch of inputs; rejects as `ModelProcess.score` does. */
  readonly score: (inputs: readonly Tensor[]) => Promise<Scored>;
  /** What is wrong with one request's outputs (NaN, say), or null. */
  readonly outputError: (outputs: readonly Tensor[]) => MillraceError | null;
}

/**
 * Outcomes of `blocks`, in order.
 * @throws MODEL_UNAVAILABLE, VERSION_REVOKED: the version as a whole cannot answer, which no halving will mend.
 */
export async function scoreIsolated(blocks: readonly RowBlock[], scoring: Scoring): Promise<RowOutcome[]> {
  try {
    return await scoreOnce(blocks, scoring);
  } catch (error) {
    if (isVersionFailure(error)) throw error;
    if (blocks.length === 1) return [await lastAttempts(blocks, scoring)];
  }
  const middle = blocks.length >>> 1;
  const left = await scoreIsolated(blocks.slice(0, middle), scoring);
  const right = await scoreIsolated(blocks.slice(middle), scoring);
  return [...left, ...right];
}

/** A failure of the version as a whole, not of a row: it is down, or it was rolled back meanwhile. */
export function isVersionFailure(error: unknown): error is MillraceError {
  if (!(error instanceof MillraceError)) return false;
  return error.code === 'MODEL_UNAVAILABLE' || error.code === 'VERSION_REVOKED';
}

async function scoreOnce(blocks: readonly RowBlock[], scoring: Scoring): Promise<RowOutcome[]> {
  const { outputs, by } = await scoring.score(joinRows(blocks));
  return splitRows(outputs, blocks).map((tensors) => {
    const error = scoring.outputError(tensors);
    return error === null ? { kind: 'scored', outputs: tensors, by } : { kind: 'failed', error };
  });
}

async function lastAttempts(blocks: readonly RowBlock[], scoring: Scoring): Promise<RowOutcome> {
  for (let attempt = 2; ; attempt++) {
    try {
      const [outcome] = await scoreOnce(blocks, scoring);
      if (outcome !== undefined) return outcome;
    } catch (error) {
      if (isVersionFailure(error)) throw error;
      if (attempt >= ROW_ATTEMPTS_MAX) return { kind: 'failed', error: rowError(error) };
    }
  }
}

function rowError(error: unknown): MillraceError {
  return error instanceof MillraceError ? error : new MillraceError('ASSERTION', { detail: errorText(error) }, error);
}
