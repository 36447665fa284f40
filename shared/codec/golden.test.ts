// Golden bytes: what earlier versions wrote stays readable, and what we write does not change unnoticed.
// Method: golden/<message>.json lists byte vectors in hex, oldest first. All of them must be read as the message below;
//         the newest must be what we write today. A deliberate change of JSON adds a vector and leaves the old ones. One of a
//         schema replaces the Avro bytes: plain Avro names no schema, so bytes of the former one cannot be read.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RoutePlan } from '../domain/route-plan.ts';
import type { Signature, Tensor } from '../domain/tensor.ts';
import { type ControlKind, type ControlValues, decodeControl, encodeControl } from './control.ts';
import { codecNamed, decodeAnswer, encodeRequest } from './registry.ts';
import { avroType } from './schemas.ts';
import { plain } from './testing/tensors.ts';

interface Vector {
  /** Version of Millrace that wrote it first. */
  readonly since: string;
  readonly json: string;
  readonly avro: string;
}

const formats = ['json', 'avro'] as const;
const digest = '0123456789abcdef'.repeat(4);
const signature: Signature = {
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [-1, 3] },
    { name: 'n', datatype: 'INT64', shape: [-1] },
    { name: 'on', datatype: 'BOOL', shape: [-1, 2] },
  ],
  outputs: [{ name: 'p', datatype: 'FP32', shape: [-1, 2] }],
};
const inputs: Tensor[] = [
  { name: 'x', datatype: 'FP32', shape: [2, 3], data: Float32Array.of(0.1, -2.5, 3e20, 0, 1 / 3, -0) },
  { name: 'n', datatype: 'INT64', shape: [2], data: BigInt64Array.of(-1n, 9007199254740991n) },
  { name: 'on', datatype: 'BOOL', shape: [2, 2], data: Uint8Array.of(0, 1, 1, 0) },
];
const outputs: Tensor[] = [{ name: 'p', datatype: 'FP32', shape: [2, 2], data: Float32Array.of(0.25, 0.75, 1e-20, 1) }];
const error = { id: null, endpoint: 'digits', code: 'REQUEST_TENSOR', message: "input x: shape [3], not [-1,3] – 'é'" };
const plan: RoutePlan = {
  endpoint: 'digits',
  delivery: 'exactly-once',
  revision: 7,
  rollout: 'digits-2',
  lanes: { blue: { version: 1, digest }, green: { version: 2, digest } },
  incumbent: 'blue',
  shares: [
    { lane: 'green', weightBp: 1_000 },
    { lane: 'blue', weightBp: 9_000 },
  ],
  revoked: [{ version: 3, digest }],
  shadows: [
    {
      version: 4,
      digest,
      sampleBp: 2_500,
      gate: {
        kind: 'windows',
        timeZone: 'Europe/Oslo',
        windows: [{ days: ['sat', 'sun'], from: '22:00', to: '06:00' }],
        maxLiveLag: 1_000,
      },
      maxLag: 50_000,
      tolerances: [{ output: '*', atol: 0.5, rtol: 0.25 }],
      from: { kind: 'timestamp', at: 1_767_225_600_000 },
    },
  ],
  evidence: ['w1:green:0'],
};
const side = { position: 9, rewind: 5, high: 8, closed: 4, late: [2] };
const place = { topic: 'digits.requests', partition: 1, offset: 7 };
const who = { actor: 'ana', reason: 'better é' };
const controls: { readonly [Kind in ControlKind]: ControlValues[Kind] } = {
  endpoint: {
    endpoint: 'digits',
    partitions: 8,
    delivery: 'at-least-once',
    road: 'lanes',
    ordering: 'per-key',
    signature,
  },
  rollout: { endpoint: 'digits', candidate: 2, ...who, strategy: 'canary', canary: { weightBp: 500 } },
  command: { endpoint: 'digits', verb: 'set-weight', weightBp: 2_500, idempotencyKey: 'k-1', ...who },
  plan,
  cut: { partition: 3, offset: 123_456_789_012, plan, atMs: 1_767_225_600_000 },
  worker: {
    worker: 'host-1',
    role: 'scorer',
    endpoint: 'digits',
    version: 2,
    digest,
    state: 'READY',
    runtime: 'onnxruntime-node 1.30.0',
    problem: '',
    owned: { blue: [], green: [0, 3] },
    atMs: 1_767_225_600_000,
  },
  event: {
    endpoint: 'digits',
    seq: 9,
    atMs: 1_767_225_600_000,
    ...who,
    rollout: 'digits-2',
    phase: 'serving',
    code: '',
    message: 'plan 7',
    evidence: ['w1:green:0'],
    consumed: { topic: 'commands', offset: 4 },
    idempotencyKey: 'k-1',
    settings: null,
    signature: null,
    spec: null,
    candidate: null,
    lane: null,
    weightBp: null,
    plan,
    keepsIncumbent: null,
    outcome: null,
    snapshot: null,
    shadows: null,
    type: 'plan-published',
  },
  'shadow-mark': {
    endpoint: 'digits',
    rollout: 'digits-2',
    version: 4,
    partition: 3,
    kind: 'begun',
    from: 100,
    to: 100,
    sinceMs: 1_767_225_500_000,
    terms: { digest, sampleBp: 2_500, tolerances: [{ output: '*', atol: 0.5, rtol: 0.25 }] },
    atMs: 1_767_225_600_000,
  },
  label: { values: [3, 0.5] },
  'keyed-label': { offset: 17, requestId: '', values: [3], requestsEnd: 40 },
  totals: {
    endpoint: 'digits',
    rollout: 'digits-2',
    version: 4,
    digest,
    partition: 1,
    sampleBp: 2_500,
    terms: '{}',
    live: side,
    shadow: side,
    labels: { position: 3, rewind: 1 },
    begun: 2,
    sinceMs: 1_767_225_600_000,
    done: 8,
    skipped: [{ from: 5, to: 6 }],
    ticks: [{ liveOffset: 7, shadowOffset: 9, liveClosed: 4, shadowClosed: 8 }],
    decided: 4,
    removed: 3,
    counts: {
      matched: 1,
      missingLive: 2,
      missingShadow: 3,
      late: 4,
      duplicate: 5,
      skipped: 6,
      unreadable: 7,
      labelled: 8,
    },
    states: '{}',
    examples: '[]',
    ended: false,
    atMs: 1_767_225_600_000,
  },
  'metric-window': {
    endpoint: 'digits',
    rollout: 'digits-2',
    live: 1,
    shadow: 4,
    partition: 1,
    startMs: 1_767_225_600_000,
    windowMs: 10_000,
    states: '{}',
  },
  comparison: {
    endpoint: 'digits',
    rollout: 'digits-2',
    source: '1@7',
    disagreement: 0.75,
    why: 'worst',
    liveVersion: 1,
    shadowVersion: 4,
    live: [{ values: [0.25, 0.75] }],
    shadow: [{ values: [0.75, 0.25] }],
    request: place,
    prediction: { ...place, topic: 'digits.predictions' },
    shadowOutput: { ...place, topic: 'digits.shadow' },
  },
};

/** Values with what another value of their kind leaves out. */
const variants: Readonly<Record<string, readonly [ControlKind, ControlValues[ControlKind]]>> = {
  'metric-window-counts': ['metric-window', { ...controls['metric-window'], live: 0, counts: controls.totals.counts }],
};
const values: readonly (readonly [string, ControlKind, ControlValues[ControlKind]])[] = [
  ...(Object.keys(controls) as ControlKind[]).map((kind) => [kind, kind, controls[kind]] as const),
  ...Object.entries(variants).map(([name, [kind, value]]) => [name, kind, value] as const),
];

function vectorsOf(message: string): readonly Vector[] {
  return JSON.parse(readFileSync(new URL(`golden/${message}.json`, import.meta.url), 'utf8'));
}

/** Reads every vector, and compares the newest with what is written today. */
function checkGolden(message: string, format: 'json' | 'avro', written: Uint8Array, read: (bytes: Buffer) => void) {
  const vectors = vectorsOf(message);
  for (const vector of vectors) read(Buffer.from(vector[format], 'hex'));
  expect(Buffer.from(written).toString('hex')).toBe(vectors.at(-1)?.[format]);
}

describe.each(formats)('golden bytes in %s', (format) => {
  const codec = codecNamed(format);

  it('of a request', () => {
    checkGolden('request', format, encodeRequest(format, inputs, { id: 'r-1' }), (bytes) => {
      const request = codec.decode(bytes, signature, { rowsMax: 2 });
      expect(request).toMatchObject({ id: 'r-1', rows: 2 });
      expect(request.inputs.map(plain)).toEqual(inputs.map(plain));
    });
  });

  it('of an answer', () => {
    const answer = { id: 'r-1', endpoint: 'digits', model: { version: 2, digest }, outputs };
    checkGolden('answer', format, codec.encodeAnswer(answer), (bytes) => {
      const read = decodeAnswer(bytes, null);
      expect(read).toMatchObject({ kind: 'answer', id: 'r-1', endpoint: 'digits', version: 2 });
      expect(read.kind === 'answer' && read.outputs.map(plain)).toEqual(outputs.map(plain));
    });
  });

  it('of an error answer', () => {
    checkGolden('error-answer', format, codec.encodeError(error), (bytes) => {
      expect(decodeAnswer(bytes, null)).toEqual({ kind: 'error', ...error });
    });
  });

  it.each(values)('of a control record: %s', (name, kind, value) => {
    const schema = kind === 'plan' ? 'route-plan' : kind;
    const written = format === 'json' ? encodeControl(kind, value) : avroType(schema).toBuffer(value);
    checkGolden(`control-${name}`, format, written, (bytes) => {
      expect(decodeControl(kind, { topic: 't', offset: 0, value: bytes, headers: [] })).toEqual(value);
    });
  });
});
