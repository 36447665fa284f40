// OipJson: requests and answers as JSON of the Open Inference Protocol v2.
// Source: https://github.com/kserve/open-inference-protocol (inference_rest.md, inference request and response JSON).
// Flow: E.lane.* → [decode] → scorer → [encodeAnswer, encodeError] → E.predictions → [decodeAnswer] → readers.
// Invariants: unknown keys are refused by name; FP32 is printed as the shortest decimal that reads back the same.

import { assert } from '../domain/errors.ts';
import type { Bytes } from '../domain/record.ts';
import type { Signature, Tensor } from '../domain/tensor.ts';
import { answerUnreadable, readAnswer } from './answers.ts';
import { isObject, jsonClaims, payloadId, requestUnreadable, unknownKey } from './claims.ts';
import { float32Text } from './float32-text.ts';
import { ERROR_MESSAGE_CHARS_MAX, PAYLOAD_BYTES_MAX, TENSORS_MAX } from './limits.ts';
import type { DecodedRequest, DecodeLimits, PayloadCodec, ReadAnswer } from './payload-codec.ts';
import { arrangeInputs } from './tensors.ts';
import { clip, type JsonLimits, parseJson } from './text.ts';

/** Structure of the largest sound payload: 32 tensors of up to 8 dimensions, their rows nested in lists. */
const PAYLOAD_JSON: JsonLimits = {
  bytesMax: PAYLOAD_BYTES_MAX,
  depthMax: 16,
  keysMax: 2_048,
  listsMax: 100_000,
  textsMax: 4_096,
  commasMax: PAYLOAD_BYTES_MAX,
};

const REQUEST_KEYS: ReadonlySet<string> = new Set(['id', 'parameters', 'inputs', 'outputs']);

/** A request's `outputs` must name outputs of the endpoint; all of them are answered. */
export const oipJson: PayloadCodec = {
  name: 'json',
  contentType: 'application/json',
  decode: decodeRequest,
  encodeAnswer: ({ id, endpoint, model, outputs }) =>
    Buffer.from(
      `{"model_name":${JSON.stringify(endpoint)},"model_version":"${model.version}",${idText(id)}` +
        `"outputs":${tensorsText(outputs)}}`,
    ),
  encodeError: ({ id, endpoint, code, message }) =>
    Buffer.from(
      `{"error":${JSON.stringify(clip(message, ERROR_MESSAGE_CHARS_MAX))},"code":${JSON.stringify(code)},` +
        `${idText(id)}"model_name":${JSON.stringify(endpoint)}}`,
    ),
  encodeRequest: (inputs, { id } = {}) => Buffer.from(`{${idText(id ?? null)}"inputs":${tensorsText(inputs)}}`),
  decodeAnswer,
};

function decodeRequest(value: Bytes, signature: Signature, limits: DecodeLimits): DecodedRequest {
  const body = parseJson(value, PAYLOAD_JSON, requestUnreadable);
  if (!isObject(body)) throw requestUnreadable('it is no JSON object');
  const strange = unknownKey(body, REQUEST_KEYS);
  if (strange !== null) throw requestUnreadable(`unknown key '${clip(strange)}'`);
  const id = payloadId(body.id, requestUnreadable);
  if (body.outputs !== undefined) checkOutputs(body.outputs, signature);
  const claims = jsonClaims(body.inputs, 'inputs', requestUnreadable);
  return { id, ...arrangeInputs(claims, signature, { ...limits, payloadBytes: value.length }) };
}

function checkOutputs(outputs: unknown, signature: Signature): void {
  if (!Array.isArray(outputs) || outputs.length > TENSORS_MAX)
    throw requestUnreadable("'outputs' is no list of outputs");
  for (const output of outputs) {
    const name = isObject(output) ? output.name : undefined;
    if (typeof name !== 'string') throw requestUnreadable("an entry of 'outputs' has no name");
    if (!signature.outputs.some((spec) => spec.name === name)) throw requestUnreadable(`no output '${clip(name)}'`);
  }
}

/** An INT64 beyond 2^53 is refused: JSON.parse loses its exact value. */
function decodeAnswer(value: Bytes): ReadAnswer {
  const body = parseJson(value, PAYLOAD_JSON, answerUnreadable);
  if (!isObject(body)) throw answerUnreadable('it is no JSON object');
  const { model_name: endpoint, model_version: version, error, code, outputs } = body;
  const id = payloadId(body.id, answerUnreadable);
  if (typeof endpoint !== 'string') throw answerUnreadable("it has no 'model_name'");
  if (error !== undefined) {
    if (typeof error !== 'string' || typeof code !== 'string')
      throw answerUnreadable("its 'error' or 'code' is no text");
    return { kind: 'error', id, endpoint, code, message: error };
  }
  if (typeof version !== 'string' || !/^[1-9]\d{0,14}$/.test(version))
    throw answerUnreadable("it has no 'model_version'");
  const head = { id, endpoint, version: Number(version), digest: null };
  return readAnswer(head, jsonClaims(outputs, 'outputs', answerUnreadable), value.length);
}

function idText(id: string | null): string {
  return id === null ? '' : `"id":${JSON.stringify(id)},`;
}

function tensorsText(tensors: readonly Tensor[]): string {
  const texts = tensors.map(
    (tensor) =>
      `{"name":${JSON.stringify(tensor.name)},"datatype":"${tensor.datatype}","shape":[${tensor.shape.join()}],` +
      `"data":[${elementsText(tensor)}]}`,
  );
  return `[${texts.join()}]`;
}

function elementsText({ datatype, data }: Tensor): string {
  if (data instanceof Float32Array) return floatsText(data, float32Text);
  if (data instanceof Float64Array) return floatsText(data, float64Text);
  if (datatype !== 'BOOL') return data.join();
  let text = '';
  for (const flag of data) text += `${text === '' ? '' : ','}${Number(flag) !== 0}`;
  return text;
}

function floatsText(data: Float32Array | Float64Array, textOf: (value: number) => string): string {
  let text = '';
  for (let i = 0; i < data.length; i++) {
    if (i > 0) text += ',';
    text += textOf(data[i] ?? 0);
  }
  return text;
}

function float64Text(value: number): string {
  assert(Number.isFinite(value), 'an output is finite');
  return Object.is(value, -0) ? '-0' : String(value);
}
