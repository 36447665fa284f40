// Targets: payloads of requests and answers, and control records, in both codecs: Avro (with Confluent's prefix) and JSON.

import fc from 'fast-check';
import { avroCodec } from '../../../shared/codec/avro.ts';
import { type ControlKind, type ControlValues, decodeControl, encodeControl } from '../../../shared/codec/control.ts';
import type { Answer, PayloadCodec } from '../../../shared/codec/payload-codec.ts';
import { codecNamed } from '../../../shared/codec/registry.ts';
import { avroType } from '../../../shared/codec/schemas.ts';
import { controlArbitraries } from '../../../shared/codec/testing/control-values.ts';
import { type Exchange, exchangeArbitrary } from '../../../shared/codec/testing/tensors.ts';
import { HEADER, header } from '../../../shared/domain/headers.ts';
import { chosen, repeated, seedOf, type Target } from '../target.ts';
import { JSON_BOMBS, JSON_TOKENS } from './json-pieces.ts';

const ROWS_MAX = 1_024;
const SAMPLES = 24;
const CONFLUENT_ID = 7;
const KINDS = Object.keys(controlArbitraries) as ControlKind[];
const confluent = avroCodec({ confluentIds: new Set([CONFLUENT_ID]) });
/** Few signatures, so that a request of one meets the decoder of another often. */
const exchanges: readonly Exchange[] = fc.sample(exchangeArbitrary, { seed: 1, numRuns: 6 });

const decodersOf = (codec: PayloadCodec) =>
  exchanges.map(
    ({ signature }) =>
      (bytes: Buffer) =>
        void codec.decode(bytes, signature, { rowsMax: ROWS_MAX }),
  );

const answerOf = ({ id, outputs }: Exchange): Answer => ({
  ...{ id, outputs, endpoint: 'digits' },
  model: { version: 3, digest: 'ab'.repeat(32) },
});

/** Sound requests of every signature, and answers for the decoder behind them. */
const payloadSeeds = (codec: PayloadCodec) => [
  ...exchanges.map(({ id, inputs }, index) => seedOf(index, codec.encodeRequest(inputs, id === null ? {} : { id }))),
  ...exchanges.map((exchange) => seedOf(exchanges.length, codec.encodeAnswer(answerOf(exchange)))),
  seedOf(exchanges.length, codec.encodeError({ id: null, endpoint: 'digits', code: 'EXPIRED', message: 'late' })),
];

const controlDecoders = (contentType: string) =>
  KINDS.map((kind) => (value: Buffer) => {
    const headers = [header(HEADER.contentType, contentType)];
    decodeControl(kind, { topic: 'millrace.events', offset: 3, value, headers });
  });

function controlSeeds(first: number, encode: (kind: ControlKind, value: ControlValues[ControlKind]) => Uint8Array) {
  return KINDS.flatMap((kind, index) => {
    const values = fc.sample(controlArbitraries[kind] as fc.Arbitrary<ControlValues[ControlKind]>, {
      ...{ seed: 2, numRuns: SAMPLES / 4 },
    });
    return values.map((value) => seedOf(first + index, encode(kind, value)));
  });
}

const AVRO_CONTROL = 2 * exchanges.length + 1;

export const avroTarget: Target = {
  name: 'avro',
  seeds: () => [
    ...payloadSeeds(codecNamed('avro')),
    ...exchanges.map(({ inputs }, index) => {
      const plain = codecNamed('avro').encodeRequest(inputs);
      return seedOf(exchanges.length + 1 + index, Buffer.concat([Buffer.of(0, 0, 0, 0, CONFLUENT_ID), plain]));
    }),
    ...controlSeeds(AVRO_CONTROL, (kind, value) => avroType(kind === 'plan' ? 'route-plan' : kind).toBuffer(value)),
  ],
  tokens: ['FP32', 'INT64', 'BOOL', '\x00\x00\x00\x00\x07', '\x01\x10', '\x02\x00', 'x', '__proto__'],
  bombs: [
    repeated(0, '', () => '\x02'),
    repeated(0, '', () => '\x01'),
    repeated(0, '\x02\x00\x00\x00\x02', () => '\x02\x00\x00\x00\x00\x00\x00\x00\x00'),
    repeated(exchanges.length, '\x00', () => '\x03\x02'),
    ...KINDS.map((_, index) => repeated(AVRO_CONTROL + index, '\x02a', () => '\x04bc')),
  ],
  decode: chosen([
    ...decodersOf(codecNamed('avro')),
    (bytes) => void codecNamed('avro').decodeAnswer(bytes),
    ...decodersOf(confluent),
    ...controlDecoders('application/avro'),
  ]),
};

export const jsonTarget: Target = {
  name: 'oip-json',
  seeds: () => payloadSeeds(codecNamed('json')),
  tokens: [
    ...JSON_TOKENS,
    ...['"inputs":[', '"outputs":[', '"shape":[', '"data":[', '"datatype":"FP32"', '"id":"a"', '"model_version":"1"'],
  ],
  bombs: [
    ...JSON_BOMBS(0),
    ...JSON_BOMBS(exchanges.length),
    repeated(0, '{"inputs":[{"name":"x","datatype":"FP32","shape":[8,3],"data":[', () => '1e-300,', '0]}]}'),
    repeated(0, '{"inputs":[{"name":"x","datatype":"FP32","shape":[8,3],"data":[', () => '[],', '0]}]}'),
    repeated(0, '{"inputs":[{"name":"x","datatype":"FP32","shape":[', () => '1,', '1],"data":[]}]}'),
  ],
  decode: chosen([...decodersOf(codecNamed('json')), (bytes) => void codecNamed('json').decodeAnswer(bytes)]),
};

export const controlTarget: Target = {
  name: 'control-json',
  seeds: () => controlSeeds(0, (kind, value) => encodeControl(kind, value)),
  tokens: [
    ...JSON_TOKENS,
    '"evidence":[',
    '"shares":[',
    '"lanes":{',
    '"plan":{',
    '"signature":{',
    '"owned":{',
    '"type":"noted"',
  ],
  bombs: [
    ...JSON_BOMBS(0),
    ...KINDS.map((_, index) => repeated(index, '{"evidence":[', () => '0,', '0]}')),
    ...KINDS.map((_, index) => repeated(index, '{"owned":{"blue":[', () => '"",', '0],"green":[]}}')),
  ],
  decode: chosen(controlDecoders('application/json')),
};

export const PAYLOAD_TARGETS = [avroTarget, jsonTarget, controlTarget];
