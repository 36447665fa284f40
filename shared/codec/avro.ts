// Avro: requests and answers as plain Avro binary of schemas/request.avsc and schemas/prediction.avsc.
// Flow: E.lane.* → [decode] → scorer → [encodeAnswer, encodeError] → E.predictions → [decodeAnswer] → readers.
// avsc writes, avro-read.ts reads. A request may come in Confluent wire format (byte 0, schema id as int32) when the ids
// of its schema are configured; a plain one never begins with byte 0, since it begins with the number of its inputs.

import type { MillraceError } from '../domain/errors.ts';
import type { Bytes } from '../domain/record.ts';
import type { Tensor } from '../domain/tensor.ts';
import { answerUnreadable, readAnswer } from './answers.ts';
import { compileReader } from './avro-read.ts';
import { payloadId, requestUnreadable } from './claims.ts';
import { DIMENSIONS_MAX, ERROR_MESSAGE_CHARS_MAX, PAYLOAD_BYTES_MAX, TENSORS_MAX } from './limits.ts';
import type { PayloadCodec, ReadAnswer } from './payload-codec.ts';
import { avroType } from './schemas.ts';
import { arrangeInputs, type TensorClaim, tensorBytes } from './tensors.ts';
import { clip } from './text.ts';

export interface AvroOptions {
  /** Ids under which a schema registry knows schemas/request.avsc. Empty: Confluent wire format is refused. */
  readonly confluentIds: ReadonlySet<number>;
}

/** Items of all arrays of a payload: tensors and dimensions. */
const LIMITS = { itemsMax: TENSORS_MAX * (1 + DIMENSIONS_MAX) };
/** Magic byte and schema id. */
const CONFLUENT_PREFIX_BYTES = 5;

const requestType = avroType('request');
const predictionType = avroType('prediction');
const readRequest = compileReader(requestType);
const readPrediction = compileReader(predictionType);

/** What `readRequest` gives: the shape of schemas/request.avsc. */
interface AvroRequest {
  readonly inputs: readonly TensorClaim[];
  readonly id?: string;
}

/** What `readPrediction` gives: the shape of schemas/prediction.avsc. */
interface AvroPrediction {
  readonly endpoint: string;
  readonly version: number | null;
  readonly digest: string | null;
  readonly id: string | null;
  readonly outputs: readonly TensorClaim[];
  readonly error?: { readonly code: string; readonly message: string };
}

/** A codec that takes Confluent wire format for the given ids. Answers are plain Avro. */
export function avroCodec(options: AvroOptions): PayloadCodec {
  return {
    name: 'avro',
    contentType: 'application/avro',
    decode(value, signature, limits) {
      const body = readRequest(unframe(value, options.confluentIds), LIMITS, notAvro) as AvroRequest;
      const id = payloadId(body.id, requestUnreadable);
      return { id, ...arrangeInputs(body.inputs, signature, { ...limits, payloadBytes: value.length }) };
    },
    encodeAnswer: ({ id, endpoint, model, outputs }) =>
      predictionType.toBuffer({ endpoint, ...model, id, outputs: outputs.map(tensorRecord), error: null }),
    encodeError: ({ id, endpoint, code, message }) =>
      predictionType.toBuffer({
        endpoint,
        version: null,
        digest: null,
        id,
        outputs: [],
        error: { code, message: clip(message, ERROR_MESSAGE_CHARS_MAX) },
      }),
    encodeRequest: (inputs, { id } = {}) => requestType.toBuffer({ inputs: inputs.map(tensorRecord), id: id ?? null }),
    decodeAnswer,
  };
}

/** Plain Avro only. */
export const avro = avroCodec({ confluentIds: new Set() });

function decodeAnswer(value: Bytes): ReadAnswer {
  if (value.length > PAYLOAD_BYTES_MAX) throw answerUnreadable(`${value.length} bytes, more than ${PAYLOAD_BYTES_MAX}`);
  const body = readPrediction(value, LIMITS, answerUnreadable) as AvroPrediction;
  const { endpoint, version, digest, id, error } = body;
  if (error !== undefined) return { kind: 'error', id, endpoint, code: error.code, message: error.message };
  if (version === null || version < 1) throw answerUnreadable('it has neither a version nor an error');
  return readAnswer({ id, endpoint, version, digest }, body.outputs, value.length);
}

function tensorRecord(tensor: Tensor): unknown {
  return { name: tensor.name, datatype: tensor.datatype, shape: tensor.shape, data: tensorBytes(tensor) };
}

/** The plain Avro of a request's value, within bounds. */
function unframe(value: Bytes, ids: ReadonlySet<number>): Bytes {
  if (value.length > PAYLOAD_BYTES_MAX)
    throw requestUnreadable(`${value.length} bytes, more than ${PAYLOAD_BYTES_MAX}`);
  if (value[0] !== 0) return value;
  if (ids.size === 0) throw requestUnreadable('it begins with byte 0 (Confluent wire format?); no schema ids are set');
  if (value.length < CONFLUENT_PREFIX_BYTES) throw requestUnreadable('it ends within the Confluent wire format prefix');
  const id = new DataView(value.buffer, value.byteOffset, value.length).getInt32(1);
  if (!ids.has(id)) throw requestUnreadable(`schema id ${id} is not one of the request schema`);
  return value.subarray(CONFLUENT_PREFIX_BYTES);
}

function notAvro(detail: string): MillraceError {
  return requestUnreadable(`it is neither JSON nor Avro of this schema (${detail})`);
}
