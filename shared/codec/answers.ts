// Answers: reading predictions back: what both codecs check of an answer's outputs.
// Flow: E.predictions → codec.decodeAnswer → [readAnswer] → CLI, demo, comparator.
// Invariant: bounded like the requests: no answer, whoever wrote it, throws anything but ANSWER_UNREADABLE.

import { MillraceError } from '../domain/errors.ts';
import { DATATYPES, type Tensor } from '../domain/tensor.ts';
import { DIMENSIONS_MAX, PAYLOAD_BYTES_MAX } from './limits.ts';
import type { ReadAnswer } from './payload-codec.ts';
import { readTensor, type TensorClaim } from './tensors.ts';
import { clip } from './text.ts';

/** An answer but for its outputs. */
export interface AnswerHead {
  readonly id: string | null;
  readonly endpoint: string;
  readonly version: number;
  readonly digest: string | null;
}

/** An answer whose outputs are as sound as they can be told to be without a signature. @throws ANSWER_UNREADABLE */
export function readAnswer(head: AnswerHead, claims: readonly TensorClaim[], payloadBytes: number): ReadAnswer {
  try {
    return { kind: 'answer', ...head, outputs: claims.map((claim) => readOutput(claim, payloadBytes)) };
  } catch (error) {
    // The checks are those of the requests; here they concern an output.
    if (error instanceof MillraceError && error.code === 'REQUEST_TENSOR') {
      throw answerUnreadable(`output ${error.context.tensor}: ${error.context.detail}`);
    }
    if (error instanceof MillraceError && error.code === 'REQUEST_NOT_FINITE') {
      throw answerUnreadable(`output ${error.context.tensor} holds NaN or infinity`);
    }
    throw error;
  }
}

export function answerUnreadable(detail: string): MillraceError {
  return new MillraceError('ANSWER_UNREADABLE', { detail });
}

/** An output, believed as far as its own shape and datatype fit its data. */
function readOutput(claim: TensorClaim, payloadBytes: number): Tensor {
  const { name, shape } = claim;
  const datatype = DATATYPES.find((known) => known === claim.datatype);
  if (datatype === undefined) throw answerUnreadable(`output ${clip(name)} has datatype ${clip(claim.datatype)}`);
  if (!isShape(shape)) throw answerUnreadable(`output ${clip(name)} has no sound shape`);
  return readTensor(claim, { name, datatype, shape }, { rowsMax: PAYLOAD_BYTES_MAX, payloadBytes });
}

function isShape(shape: unknown): shape is number[] {
  if (!Array.isArray(shape) || shape.length < 1 || shape.length > DIMENSIONS_MAX) return false;
  return shape.every((size) => Number.isSafeInteger(size) && size >= 1 && size <= PAYLOAD_BYTES_MAX);
}
