// PayloadCodec: bytes of a request to checked tensors, and outputs to the bytes of an answer.
// A new codec is one file here and one line in `registry.ts`. The answer's codec is the request's.
// Invariant: caps are checked before anything is allocated; a bad payload is a MillraceError of kind `poison`.

import type { Bytes } from '../domain/record.ts';
import type { ModelRef } from '../domain/route-plan.ts';
import type { Signature, Tensor } from '../domain/tensor.ts';

/** Limits of one request. */
export interface DecodeLimits {
  /** Rows in one request (first dimension). */
  readonly rowsMax: number;
}

export interface DecodedRequest {
  /** The payload's own `id`, echoed in the answer and nothing else; null when absent. */
  readonly id: string | null;
  readonly rows: number;
  /** In signature order; name, datatype, shape, length and finiteness checked. */
  readonly inputs: readonly Tensor[];
}

export interface Answer {
  readonly id: string | null;
  readonly endpoint: string;
  readonly model: ModelRef;
  /** In signature order. */
  readonly outputs: readonly Tensor[];
}

export interface ErrorAnswer {
  readonly id: string | null;
  readonly endpoint: string;
  /** Code from the catalogue. */
  readonly code: string;
  readonly message: string;
}

/** What a record of `E.predictions` says. */
export type ReadAnswer =
  | {
      readonly kind: 'answer';
      readonly id: string | null;
      readonly endpoint: string;
      readonly version: number;
      /** Only Avro answers carry it in the payload; the record's headers always do. */
      readonly digest: string | null;
      readonly outputs: readonly Tensor[];
    }
  | ({ readonly kind: 'error' } & ErrorAnswer);

export interface PayloadCodec {
  /** Registry name and the content-type that it writes. */
  readonly name: 'json' | 'avro';
  readonly contentType: string;
  /** @throws REQUEST_UNREADABLE, REQUEST_TENSOR, REQUEST_NOT_FINITE, REQUEST_TOO_MANY_ROWS */
  decode(value: Bytes, signature: Signature, limits: DecodeLimits): DecodedRequest;
  encodeAnswer(answer: Answer): Bytes;
  encodeError(answer: ErrorAnswer): Bytes;
  /** For producers: a request of the given tensors. `id` is echoed in the answer. */
  encodeRequest(inputs: readonly Tensor[], options?: { readonly id?: string }): Bytes;
  /** For readers: what `encodeAnswer` or `encodeError` wrote. @throws ANSWER_UNREADABLE */
  decodeAnswer(value: Bytes): ReadAnswer;
}
