// AvroRequest: a request in OIP JSON as the same request in Avro, without knowing the endpoint's signature.

import { isObject } from '../../shared/codec/claims.ts';
import { CODECS } from '../../shared/codec/registry.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import type { Bytes } from '../../shared/domain/record.ts';
import { signatureSchema, type TensorSpec } from '../../shared/domain/tensor.ts';

/** @throws REQUEST_UNREADABLE and the codec's other errors: the request is checked against what it says of itself */
export function avroRequest(value: Bytes): Bytes {
  const specs = claimedSpecs(JSON.parse(new TextDecoder().decode(value)));
  const signature = signatureSchema.safeParse({ inputs: specs, outputs: specs });
  if (!signature.success) {
    const [issue] = signature.error.issues;
    throw new MillraceError('REQUEST_UNREADABLE', {
      detail: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    });
  }
  const rowsMax = Number.MAX_SAFE_INTEGER;
  const { id, inputs } = CODECS.json.decode(value, signature.data, { rowsMax });
  return CODECS.avro.encodeRequest(inputs, id === null ? {} : { id });
}

/** Name, datatype and row shape of each input, believed. */
function claimedSpecs(body: unknown): unknown {
  if (!isObject(body) || !Array.isArray(body.inputs)) return undefined;
  return body.inputs.map((input: unknown): Partial<Record<keyof TensorSpec, unknown>> => {
    if (!isObject(input)) return {};
    const { name, datatype, shape } = input;
    return { name, datatype, shape: Array.isArray(shape) ? [-1, ...shape.slice(1)] : shape };
  });
}
