// Frames: the little of Kafka's wire protocol that a proxy must know: where a message ends, which API it is of, where its
// error code stands.
// Flow: bytes of a connection → [FrameSplitter] → whole frames → proxy.ts.
// Format: size i32, then a request: api key i16, api version i16, correlation id i32, client id (i16 length, bytes);
//         or a response: correlation id i32, from the API's first flexible version on an empty tag section.

import { assert } from '../../shared/domain/errors.ts';

interface Api {
  readonly key: number;
  /** Bytes between the response's header and the error code; null where the code stands deeper. */
  readonly errorAt: number | null;
  readonly flexibleFrom: number;
}

/** The APIs that faults are about. An error code that has a place stands behind the throttle time (i32). */
export const APIS = {
  Produce: { key: 0, errorAt: null, flexibleFrom: 9 },
  Fetch: { key: 1, errorAt: null, flexibleFrom: 12 },
  OffsetFetch: { key: 9, errorAt: null, flexibleFrom: 6 },
  JoinGroup: { key: 11, errorAt: 4, flexibleFrom: 6 },
  SyncGroup: { key: 14, errorAt: 4, flexibleFrom: 4 },
  Heartbeat: { key: 12, errorAt: 4, flexibleFrom: 4 },
  InitProducerId: { key: 22, errorAt: 4, flexibleFrom: 2 },
  AddPartitionsToTxn: { key: 24, errorAt: null, flexibleFrom: 3 },
  AddOffsetsToTxn: { key: 25, errorAt: 4, flexibleFrom: 3 },
  EndTxn: { key: 26, errorAt: 4, flexibleFrom: 3 },
  TxnOffsetCommit: { key: 28, errorAt: null, flexibleFrom: 3 },
} as const satisfies Record<string, Api>;
export type ApiName = keyof typeof APIS;

const SIZE_BYTES = 4;
/** Above what any client of ours sends or takes: a larger size is no Kafka. */
const FRAME_BYTES_MAX = 256 * 1024 * 1024;

/** Cuts a stream of bytes into frames, each with its size in front. */
export class FrameSplitter {
  #chunks: Buffer[] = [];
  #bytes = 0;

  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const frames: Buffer[] = [];
    for (let size = this.#nextBytes(); size !== null && this.#bytes >= size; size = this.#nextBytes()) {
      const whole = this.#joined();
      frames.push(whole.subarray(0, size));
      this.#chunks = [whole.subarray(size)];
      this.#bytes -= size;
    }
    return frames;
  }

  /** Bytes of the frame that has begun; null while its size is not known. */
  #nextBytes(): number | null {
    if (this.#bytes < SIZE_BYTES) return null;
    const [first] = this.#chunks;
    const head = first !== undefined && first.length >= SIZE_BYTES ? first : this.#joined();
    const size = head.readInt32BE(0);
    assert(size >= 0 && size <= FRAME_BYTES_MAX, `a frame of ${size} bytes`);
    return SIZE_BYTES + size;
  }

  #joined(): Buffer {
    const whole = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    this.#chunks = whole === undefined ? [] : [whole];
    return whole ?? Buffer.alloc(0);
  }
}

export interface RequestHead {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string;
  /** The transactional id, where the request begins with one (EndTxn, Produce, …; not flexible), else empty. */
  readonly transactionalId: string;
}

const BEGINS_WITH_TRANSACTION: readonly number[] = [
  APIS.Produce.key,
  APIS.EndTxn.key,
  APIS.AddPartitionsToTxn.key,
  APIS.AddOffsetsToTxn.key,
  APIS.TxnOffsetCommit.key,
  APIS.InitProducerId.key,
];

export function requestHead(frame: Buffer): RequestHead {
  const idBytes = Math.max(0, frame.readInt16BE(12));
  const apiKey = frame.readInt16BE(4);
  const bodyAt = 14 + idBytes;
  return {
    apiKey,
    apiVersion: frame.readInt16BE(6),
    correlationId: frame.readInt32BE(8),
    clientId: frame.toString('utf8', 14, bodyAt),
    transactionalId: BEGINS_WITH_TRANSACTION.includes(apiKey) ? stringAt(frame, bodyAt) : '',
  };
}

export function responseCorrelation(frame: Buffer): number {
  return frame.readInt32BE(4);
}

/** The response with another error code; null where this API's code has no fixed place. */
export function withErrorCode(frame: Buffer, api: ApiName, apiVersion: number, code: number): Buffer | null {
  const { errorAt, flexibleFrom } = APIS[api];
  if (errorAt === null) return null;
  const at = SIZE_BYTES + 4 + (apiVersion >= flexibleFrom ? 1 : 0) + errorAt;
  const changed = Buffer.from(frame);
  changed.writeInt16BE(code, at);
  return changed;
}

function stringAt(frame: Buffer, at: number): string {
  if (frame.length < at + 2) return '';
  const bytes = frame.readInt16BE(at);
  return bytes < 0 ? '' : frame.toString('utf8', at + 2, at + 2 + bytes);
}
