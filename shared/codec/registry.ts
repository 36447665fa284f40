// Registry: every payload codec, and which one a record is in. A new codec is one file and one line here.
// Flow: scorer → [codecFor] → decode; the answer goes out in the codec of its request.
// Invariant: never throws; bytes that are in no codec get one whose `decode` says so.

import type { Bytes } from '../domain/record.ts';
import type { Tensor } from '../domain/tensor.ts';
import { avro } from './avro.ts';
import { oipJson } from './oip-json.ts';
import type { PayloadCodec, ReadAnswer } from './payload-codec.ts';
import { looksLikeJson } from './text.ts';

export const CODECS: Readonly<Record<PayloadCodec['name'], PayloadCodec>> = { json: oipJson, avro };

/** Media types beside each codec's own; compared in lower case and without parameters. */
const MEDIA_TYPES: ReadonlyMap<string, PayloadCodec['name']> = new Map([
  ['application/json', 'json'],
  ['text/json', 'json'],
  ['application/avro', 'avro'],
  ['avro/binary', 'avro'],
  ['application/x-avro', 'avro'],
  ['application/avro-binary', 'avro'],
  ['application/x-avro-binary', 'avro'],
  ['application/vnd.apache.avro', 'avro'],
  ['application/vnd.apache.avro+binary', 'avro'],
  ['application/vnd.confluent.avro', 'avro'],
]);

/** Codec of a record: by its `content-type` header when that names one, else by its first byte. */
export function codecFor(contentType: string | null, value: Bytes): PayloadCodec {
  return CODECS[codecNameOf(contentType, value)];
}

export function codecNamed(name: PayloadCodec['name']): PayloadCodec {
  return CODECS[name];
}

/** For producers: a request of the given tensors, in a codec by name. Avro carries tensors as bytes, JSON as flat lists. */
export function encodeRequest(
  codec: PayloadCodec['name'],
  inputs: readonly Tensor[],
  options: { readonly id?: string } = {},
): Bytes {
  return CODECS[codec].encodeRequest(inputs, options);
}

/**
 * For readers: an answer or error answer, by its `content-type` header, else by its first byte.
 * @throws ANSWER_UNREADABLE; also for an INT64 beyond 2^53 in JSON, whose exact value JSON.parse loses
 */
export function decodeAnswer(value: Bytes, contentType: string | null): ReadAnswer {
  return codecFor(contentType, value).decodeAnswer(value);
}

/** Name of the codec of a record. An empty value counts as JSON. */
export function codecNameOf(contentType: string | null, value: Bytes): PayloadCodec['name'] {
  // As we write them ourselves, most of the time.
  const named =
    contentType === null ? undefined : (MEDIA_TYPES.get(contentType) ?? MEDIA_TYPES.get(mediaType(contentType)));
  return named ?? (value.length === 0 || looksLikeJson(value) ? 'json' : 'avro');
}

function mediaType(contentType: string): string {
  const end = contentType.indexOf(';');
  return (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}
