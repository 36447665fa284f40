// Frames: how a worker and a model's process talk over their socket. Pure encoding and decoding.
// Form: 16 bytes of header (u32 payload bytes, u8 kind, 3 zero bytes, u32 id, u32 rows; little-endian), then the payload:
//   small JSON for control frames; for SCORE and ANSWER the raw tensors of the signature, each padded to 8 bytes.
// Invariant: nothing is allocated that the limits do not allow, and both sides know every tensor's size from the
// signature and `rows`. A frame that does not fit ends the process, never the worker.

import { MillraceError } from '../domain/errors.ts';
import { type JsonStructure, structureProblem } from '../domain/json-structure.ts';
import { BATCH_BYTES_MAX } from '../domain/manifest.ts';
import {
  DATATYPE_BYTES,
  type Datatype,
  rowElements,
  type Tensor,
  type TensorData,
  type TensorSpec,
} from '../domain/tensor.ts';

export const FRAME_KINDS = {
  /** worker → process, JSON: which package to load. */
  START: 1,
  /** process → worker, JSON: the manifest is read; its load deadline and memory cap. */
  ACCEPTED: 2,
  /** process → worker, JSON: warm and checked; runtime, signature, limits. */
  READY: 3,
  /** process → worker, JSON: the package is refused for good. */
  REFUSED: 4,
  /** worker → process, tensors. */
  SCORE: 5,
  /** process → worker, tensors, same id and rows. */
  ANSWER: 6,
  /** process → worker, JSON: this batch failed, the process lives. */
  FAILED: 7,
} as const;
export type FrameKind = (typeof FRAME_KINDS)[keyof typeof FRAME_KINDS];

export interface Frame {
  readonly kind: FrameKind;
  /** Of the batch; 0 on control frames. */
  readonly id: number;
  readonly rows: number;
  /** Begins its own ArrayBuffer, so that typed arrays may view it. */
  readonly payload: Uint8Array;
}

export const HEADER_BYTES = 16;
export const CONTROL_BYTES_MAX = 256 * 1024;
export const FRAME_ROWS_MAX = 65_536;
/** A signature of 64 tensors of eight dimensions, and room. */
const CONTROL_JSON: JsonStructure = { depthMax: 8, keysMax: 512, listsMax: 512, textsMax: 1_024, commasMax: 2_048 };
const ALIGNMENT_BYTES = 8;
/** So much is allocated on a header's word; more only as bytes come, so that a claim of 64 MiB costs nothing. */
const CLAIMED_BYTES_MAX = 1024 * 1024;
const GROWTH = 4;
const NO_PADDING = new Uint8Array(0);
const KINDS: ReadonlySet<number> = new Set(Object.values(FRAME_KINDS));
const VIEWS = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const satisfies Record<Datatype, unknown>;

/** A frame as parts to be written one after the other; payload parts are not copied. @throws FRAME_INVALID too large */
export function encodeFrame(
  head: { readonly kind: FrameKind; readonly id: number; readonly rows: number },
  payload: readonly Uint8Array[],
): readonly Uint8Array[] {
  const bytes = payload.reduce((sum, part) => sum + part.byteLength, 0);
  checkHead(head.kind, bytes, head.rows);
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, bytes, true);
  view.setUint8(4, head.kind);
  view.setUint32(8, head.id, true);
  view.setUint32(12, head.rows, true);
  return [header, ...payload.filter((part) => part.byteLength > 0)];
}

/** A control frame. */
export function encodeControl(kind: FrameKind, id: number, value: unknown): readonly Uint8Array[] {
  return encodeFrame({ kind, id, rows: 0 }, [new TextEncoder().encode(JSON.stringify(value))]);
}

/** The JSON of a control frame. @throws FRAME_INVALID */
export function decodeControl(frame: Frame): unknown {
  const problem = structureProblem(frame.payload, CONTROL_JSON);
  if (problem !== null) throw new MillraceError('FRAME_INVALID', { detail: `frame ${frame.kind}: ${problem}` });
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(frame.payload));
  } catch (error) {
    throw new MillraceError('FRAME_INVALID', { detail: `frame ${frame.kind} is not JSON` }, error);
  }
}

/** Tensors, in signature order, as payload parts; views of their data, not copies. */
export function encodeTensors(tensors: readonly Tensor[]): readonly Uint8Array[] {
  return tensors.flatMap(({ data }) => {
    const part = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const padding = padded(part.byteLength) - part.byteLength;
    return [part, padding === 0 ? NO_PADDING : new Uint8Array(padding)];
  });
}

/**
 * Tensors of `specs` with `rows` rows; they view `payload`.
 * @throws FRAME_INVALID when the payload has not exactly the bytes that specs and rows say
 */
export function decodeTensors(payload: Uint8Array, specs: readonly TensorSpec[], rows: number): readonly Tensor[] {
  const expected = tensorBytes(specs, rows);
  if (payload.byteLength !== expected || payload.byteOffset % ALIGNMENT_BYTES !== 0) {
    throw new MillraceError('FRAME_INVALID', { detail: `${payload.byteLength} bytes of tensors, not ${expected}` });
  }
  let at = payload.byteOffset;
  return specs.map((spec) => {
    const elements = rowElements(spec.shape) * rows;
    const data: TensorData = new VIEWS[spec.datatype](payload.buffer as ArrayBuffer, at, elements);
    at += padded(data.byteLength);
    return { name: spec.name, datatype: spec.datatype, shape: [rows, ...spec.shape.slice(1)], data };
  });
}

/** Payload bytes of `rows` rows of `specs`. */
export function tensorBytes(specs: readonly TensorSpec[], rows: number): number {
  return specs.reduce((sum, spec) => sum + padded(rowElements(spec.shape) * DATATYPE_BYTES[spec.datatype] * rows), 0);
}

function padded(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

function checkHead(kind: number, bytes: number, rows: number): void {
  if (!KINDS.has(kind)) throw new MillraceError('FRAME_INVALID', { detail: `there is no kind ${kind}` });
  const tensors = kind === FRAME_KINDS.SCORE || kind === FRAME_KINDS.ANSWER;
  const limit = tensors ? BATCH_BYTES_MAX : CONTROL_BYTES_MAX;
  if (bytes > limit) throw new MillraceError('FRAME_INVALID', { detail: `${bytes} bytes, more than ${limit}` });
  if (rows > FRAME_ROWS_MAX || (tensors && rows === 0)) {
    throw new MillraceError('FRAME_INVALID', { detail: `${rows} rows` });
  }
}

/** Cuts a byte stream into frames. After it has thrown, it is spent. */
export class FrameReader {
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerBytes = 0;
  /** Grows up to `#payloadBytesMax`, what the header says. */
  #payload: Uint8Array | null = null;
  #payloadBytes = 0;
  #payloadBytesMax = 0;

  /** Frames that `chunk` completes, in order. @throws FRAME_INVALID before anything large is allocated */
  push(chunk: Uint8Array): readonly Frame[] {
    const frames: Frame[] = [];
    let at = 0;
    while (at < chunk.byteLength) {
      if (this.#payload === null) at += this.#takeHeader(chunk, at);
      else at += this.#takePayload(this.#payload, chunk, at);
      if (this.#complete()) frames.push(this.#frame());
    }
    return frames;
  }

  #takeHeader(chunk: Uint8Array, at: number): number {
    const take = Math.min(HEADER_BYTES - this.#headerBytes, chunk.byteLength - at);
    this.#header.set(chunk.subarray(at, at + take), this.#headerBytes);
    this.#headerBytes += take;
    if (this.#headerBytes < HEADER_BYTES) return take;
    const view = new DataView(this.#header.buffer);
    const bytes = view.getUint32(0, true);
    checkHead(view.getUint8(4), bytes, view.getUint32(12, true));
    this.#payload = new Uint8Array(Math.min(bytes, CLAIMED_BYTES_MAX));
    this.#payloadBytes = 0;
    this.#payloadBytesMax = bytes;
    return take;
  }

  #takePayload(payload: Uint8Array, chunk: Uint8Array, at: number): number {
    const room = this.#payloadBytes < payload.byteLength ? payload : this.#grown(payload);
    const take = Math.min(room.byteLength - this.#payloadBytes, chunk.byteLength - at);
    room.set(chunk.subarray(at, at + take), this.#payloadBytes);
    this.#payloadBytes += take;
    return take;
  }

  #grown(payload: Uint8Array): Uint8Array {
    const larger = new Uint8Array(Math.min(this.#payloadBytesMax, payload.byteLength * GROWTH));
    larger.set(payload);
    this.#payload = larger;
    return larger;
  }

  #complete(): boolean {
    return this.#payload !== null && this.#payloadBytes === this.#payloadBytesMax;
  }

  #frame(): Frame {
    const view = new DataView(this.#header.buffer);
    const frame: Frame = {
      kind: view.getUint8(4) as FrameKind,
      id: view.getUint32(8, true),
      rows: view.getUint32(12, true),
      payload: this.#payload ?? NO_PADDING,
    };
    this.#payload = null;
    this.#headerBytes = 0;
    return frame;
  }
}
