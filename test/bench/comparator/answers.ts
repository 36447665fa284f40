// Answers: records of E.predictions, E.shadow and E.keyed-labels as the services write them, without any service.
// Method: ten scores each, from a small generator of its own, so that every run folds the same; a shadow that says another
//         class for about one request in ten.

import { CONTROL_CONTENT_TYPE, encodeControl } from '../../../shared/codec/control.ts';
import { codecFor } from '../../../shared/codec/registry.ts';
import { HEADER, header } from '../../../shared/domain/headers.ts';
import type { Header, InRecord } from '../../../shared/domain/record.ts';

export const CLASSES = 10;
export const ENDPOINT = 'digits';
export const RUN = { rollout: 'digits-2', version: 4, digest: 'b'.repeat(64), sampleBp: 10_000, tolerances: [] };

export type AnswerFormat = 'avro' | 'json';

const LIVE = { version: 1, digest: 'a'.repeat(64) };
const START_MS = 1_800_000_000_000;
const PER_MS = 50;
/** Of the pairs, those with a label: every tenth. */
const LABEL_EVERY = 10;
const encoder = new TextEncoder();

export interface Pair {
  readonly live: InRecord;
  readonly shadow: InRecord;
  readonly label: InRecord | null;
}

/** The pairs of `count` sources from `first` on, their bytes in one block, as they come out of a fetch. */
export function pairsFrom(first: number, count: number, format: AnswerFormat): Pair[] {
  const pairs = Array.from({ length: count }, (_, i) => pairOf(first + i, format));
  const parts = pairs.flatMap(({ live, shadow, label }) => [live, shadow, label]).filter((record) => record !== null);
  const bytes = parts.flatMap(({ key, value, headers }) => [key, value, ...headers.map(([, text]) => text)]);
  const block = Buffer.concat(bytes.filter((one) => one !== null));
  let at = 0;
  const placed = (one: Uint8Array) => {
    at += one.length;
    return block.subarray(at - one.length, at);
  };
  const fetched = (record: InRecord): InRecord => ({
    ...record,
    key: record.key === null ? null : placed(record.key),
    value: record.value === null ? null : placed(record.value),
    headers: record.headers.map(([name, text]) => [name, placed(text)] as const),
  });
  return pairs.map(({ live, shadow, label }) => ({
    live: fetched(live),
    shadow: fetched(shadow),
    label: label === null ? null : fetched(label),
  }));
}

function pairOf(source: number, format: AnswerFormat): Pair {
  const random = randomFrom(source);
  const scores = scoresBy(random);
  const label = source % LABEL_EVERY === 0 ? labelRecord(source, Math.floor(random() * CLASSES)) : null;
  const others = random() < 0.1 ? scoresBy(random) : scores.map((score) => score * (0.95 + 0.1 * random()));
  const by = { format, ...LIVE };
  return {
    live: answerRecord(source, scores, by, [
      header(HEADER.lane, 'blue'),
      header(HEADER.plan, '7'),
      header(HEADER.bucket, String(source % 10_000)),
    ]),
    shadow: answerRecord(source, others, { format, ...RUN }, [header(HEADER.shadow, RUN.rollout)]),
    label,
  };
}

function answerRecord(
  source: number,
  scores: Float32Array,
  by: { readonly format: AnswerFormat; readonly version: number; readonly digest: string },
  more: readonly Header[],
): InRecord {
  const codec = codecFor(by.format === 'avro' ? 'application/avro' : 'application/json', new Uint8Array());
  const { version, digest } = by;
  const outputs = [{ name: 'probabilities', datatype: 'FP32', shape: [1, CLASSES], data: scores }] as const;
  return {
    ...placeOf(source, version === RUN.version ? 'shadow' : 'predictions'),
    value: codec.encodeAnswer({ id: null, endpoint: ENDPOINT, model: { version, digest }, outputs }),
    headers: [
      header(HEADER.requestId, `digits.requests-0-${source}`),
      header(HEADER.source, `0@${source}`),
      header(HEADER.version, String(version)),
      header(HEADER.digest, digest),
      ...more,
      header(HEADER.contentType, codec.contentType),
      header(HEADER.runtime, 'onnxruntime-node 1.30.0'),
      header(HEADER.scoringUs, String(200 + (source % 700))),
    ],
  };
}

function labelRecord(source: number, truth: number): InRecord {
  const value = encodeControl('keyed-label', {
    offset: source,
    requestId: '',
    values: [truth],
    requestsEnd: source + 1,
  });
  return { ...placeOf(source, 'keyed-labels'), value, headers: [CONTROL_CONTENT_TYPE] };
}

function placeOf(source: number, kind: string): Omit<InRecord, 'value' | 'headers'> {
  return {
    topic: `${ENDPOINT}.${kind}`,
    partition: 0,
    offset: source,
    timestampMs: START_MS + Math.floor(source / PER_MS),
    key: encoder.encode(`k${source}`),
  };
}

/** Shares that sum to 1, most of it in one class. */
function scoresBy(random: () => number): Float32Array {
  const scores = new Float32Array(CLASSES);
  let left = 1;
  const first = Math.floor(random() * CLASSES);
  for (let i = 0; i < CLASSES; i++) {
    const share = i === CLASSES - 1 ? left : left * (0.5 + 0.5 * random());
    scores[(first + i) % CLASSES] = share;
    left -= share;
  }
  return scores;
}

/** mulberry32. Source: T. Ettinger, 2017, public domain. */
function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
