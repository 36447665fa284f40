// Target: what a model's process writes on its socket: frames cut anywhere, their JSON, their tensors.
// Form of an input: a byte that says how the stream is cut into chunks, then the stream.

import fc from 'fast-check';
import { tensorsArbitrary } from '../../../shared/codec/testing/tensors.ts';
import type { Signature } from '../../../shared/domain/tensor.ts';
import {
  acceptedSchema,
  failureSchema,
  parseControl,
  readySchema,
  startSchema,
} from '../../../shared/runtimes/control.ts';
import {
  decodeTensors,
  encodeControl,
  encodeFrame,
  encodeTensors,
  FRAME_KINDS,
  type Frame,
  FrameReader,
} from '../../../shared/runtimes/frames.ts';
import { seedOf, type Target } from '../target.ts';
import { JSON_BOMBS, JSON_TOKENS } from './json-pieces.ts';

const SIGNATURE: Signature = {
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [-1, 3] },
    { name: 'n', datatype: 'INT64', shape: [-1] },
  ],
  outputs: [
    { name: 'p', datatype: 'FP64', shape: [-1, 2] },
    { name: 'b', datatype: 'BOOL', shape: [-1, 5] },
  ],
};
const READY = {
  ...{ runtime: 'onnxruntime-node 1', passedOver: '', digest: 'ab'.repeat(32) },
  ...{ signature: SIGNATURE, maxBatchRows: 64, deadlineMs: 100 },
};
const START = { root: 'models', endpoint: 'digits', version: 3, digest: 'ab'.repeat(32), runtimeModules: ['a.js'] };
const FAILED = { code: 'MODEL_FAILED', context: { endpoint: 'digits', version: 3, detail: 'no', row: 1, known: true } };

const joined = (parts: readonly Uint8Array[]) => Buffer.concat(parts);
const CONTROL_FRAMES = [
  joined(encodeControl(FRAME_KINDS.START, 0, START)),
  joined(encodeControl(FRAME_KINDS.ACCEPTED, 0, { loadDeadlineMs: 100, memoryMb: 64, capped: true })),
  joined(encodeControl(FRAME_KINDS.READY, 0, READY)),
  joined(encodeControl(FRAME_KINDS.REFUSED, 0, FAILED)),
  joined(encodeControl(FRAME_KINDS.FAILED, 9, FAILED)),
];

function tensorFrames(): Buffer[] {
  const frames = [
    { kind: FRAME_KINDS.SCORE, specs: SIGNATURE.inputs },
    { kind: FRAME_KINDS.ANSWER, specs: SIGNATURE.outputs },
  ];
  return frames.flatMap(({ kind, specs }) =>
    fc
      .sample(tensorsArbitrary(specs, 2), { seed: 4, numRuns: 2 })
      .map((tensors) => joined(encodeFrame({ kind, id: 1, rows: 2 }, encodeTensors(tensors)))),
  );
}

function read(frame: Frame): void {
  switch (frame.kind) {
    case FRAME_KINDS.START:
      return void parseControl(startSchema, frame);
    case FRAME_KINDS.ACCEPTED:
      return void parseControl(acceptedSchema, frame);
    case FRAME_KINDS.READY:
      return void parseControl(readySchema, frame);
    case FRAME_KINDS.REFUSED:
    case FRAME_KINDS.FAILED:
      return void parseControl(failureSchema, frame);
    case FRAME_KINDS.SCORE:
      return void decodeTensors(frame.payload, SIGNATURE.inputs, frame.rows);
    case FRAME_KINDS.ANSWER:
      return void decodeTensors(frame.payload, SIGNATURE.outputs, frame.rows);
  }
}

/** A control frame whose JSON is a bomb, as large as a frame may be. */
const framedBombs = JSON_BOMBS(0).flatMap((bomb) =>
  [FRAME_KINDS.READY, FRAME_KINDS.FAILED].map((kind) => (bytes: number) => {
    const json = bomb(Math.min(bytes, 256 * 1024) + 1).subarray(1);
    return seedOf(0, joined(encodeFrame({ kind, id: 0, rows: 0 }, [json])));
  }),
);

export const framesTarget: Target = {
  name: 'frames',
  seeds: () => {
    const frames = [...CONTROL_FRAMES, ...tensorFrames()];
    return [...frames.map((frame) => seedOf(0, frame)), seedOf(7, joined(frames))];
  },
  tokens: [...JSON_TOKENS, '\x05\x00\x00\x00', '\x06\x00\x00\x00', '\x00\x00\x00\x04', '"signature":{', '"context":{'],
  bombs: [
    ...framedBombs,
    (bytes) => Buffer.alloc(bytes, Uint8Array.of(0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
  ],
  decode: (bytes) => {
    const reader = new FrameReader();
    const step = bytes[0] === 0 ? bytes.length : (bytes[0] ?? 1);
    for (let at = 1; at < bytes.length; at += step) {
      for (const frame of reader.push(bytes.subarray(at, at + step))) read(frame);
    }
  },
};
