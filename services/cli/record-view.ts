// RecordView: records of an endpoint's topics, decoded for people: one line each, or one object with everything.
// Invariant: any record has a view; what cannot be decoded says why and shows its bytes.

import { decodeControl } from '../../shared/codec/control.ts';
import { codecNameOf, decodeAnswer } from '../../shared/codec/registry.ts';
import { errorText } from '../../shared/domain/errors.ts';
import { HEADER, headerText } from '../../shared/domain/headers.ts';
import type { Bytes, InRecord } from '../../shared/domain/record.ts';
import type { Tensor } from '../../shared/domain/tensor.ts';
import { formatWeight } from './core/parse.ts';
import { clipped } from './core/printable.ts';
import { isoTime, timeText } from './core/time-text.ts';

/** How a topic's values are read. */
export type ViewKind = 'request' | 'answer' | 'dead-letter' | 'cut';

export interface RecordView {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly time: string;
  /** UTF-8 text, or base64 of bytes that are none. */
  readonly key: string | { readonly base64: string } | null;
  /** In the order of the record; names may come more than once. */
  readonly headers: readonly { readonly name: string; readonly value: string | { readonly base64: string } }[];
  /** Parsed JSON, a decoded answer or cut, or base64. */
  readonly value: unknown;
}

const KEY_CHARS_MAX = 40;
const PREVIEW_CHARS_MAX = 100;
const NUMBERS_SHOWN_MAX = 10;
const PREVIEW_BYTES_MAX = 4 * PREVIEW_CHARS_MAX;
const BASE64_SHOWN_BYTES_MAX = 24;

const strict = new TextDecoder('utf-8', { fatal: true });

/** Everything of a record, for JSON and YAML. */
export function viewOf(record: InRecord, kind: ViewKind): RecordView {
  const { topic, partition, offset } = record;
  return {
    ...{ topic, partition, offset },
    time: isoTime(record.timestampMs),
    key: record.key === null ? null : textOrBase64(record.key),
    headers: record.headers.map(([name, value]) => ({ name, value: textOrBase64(value) })),
    value: shownValue(record, kind),
  };
}

/** One line for people. */
export function lineOf(record: InRecord, kind: ViewKind, dim: (text: string) => string): string {
  const head = [dim(timeText(record.timestampMs)), `${record.partition}@${record.offset}`, keyText(record.key)];
  return [...head, ...bodyOf(record, kind)].filter((part) => part !== '').join(' ');
}

/** Key of a record for people; `-` for none. */
export function keyText(key: Bytes | null): string {
  if (key === null) return '-';
  const text = textOrBase64(key);
  return clipped(typeof text === 'string' ? text : `base64:${text.base64}`, KEY_CHARS_MAX);
}

/** `name[1,10]=[0.1, 0.9, …]` */
export function tensorText({ name, shape, data }: Tensor): string {
  const shown = Array.from(data.subarray(0, NUMBERS_SHOWN_MAX) as ArrayLike<number | bigint>, numberText);
  const more = data.length > NUMBERS_SHOWN_MAX ? ', …' : '';
  return `${clipped(name, KEY_CHARS_MAX)}[${shape.join()}]=[${shown.join(', ')}${more}]`;
}

function numberText(value: number | bigint): string {
  return typeof value === 'bigint' || Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
}

function bodyOf(record: InRecord, kind: ViewKind): string[] {
  const text = (name: string) => clipped(headerText(record.headers, name) ?? '', PREVIEW_CHARS_MAX);
  const labelled = (label: string, value: string) => (value === '' ? '' : `${label}${value}`);
  const routed = [
    labelled('of ', text(HEADER.source)),
    labelled('v', text(HEADER.version)),
    text(HEADER.lane),
    labelled('plan ', text(HEADER.plan)),
    labelled('bucket ', text(HEADER.bucket)),
    labelled('rescued from v', text(HEADER.rescuedFrom)),
  ];
  switch (kind) {
    case 'request':
      return [...routed, labelled('id ', text(HEADER.cloudEventId)), preview(record)];
    case 'answer':
      return [...routed, labelled('on ', text(HEADER.runtime)), answerText(record)];
    case 'dead-letter':
      return [
        ...routed.slice(0, 3),
        text(HEADER.error),
        labelled('at ', text(HEADER.stage)),
        text(HEADER.reason),
        preview(record),
      ];
    case 'cut':
      return [cutText(record)];
  }
}

function answerText(record: InRecord): string {
  if (record.value === null) return 'no value';
  try {
    const answer = decodeAnswer(record.value, headerText(record.headers, HEADER.contentType));
    if (answer.kind === 'error')
      return `${clipped(answer.code, KEY_CHARS_MAX)}: ${clipped(answer.message, PREVIEW_CHARS_MAX)}`;
    return answer.outputs.map(tensorText).join(' ');
  } catch (error) {
    return clipped(errorText(error), PREVIEW_CHARS_MAX);
  }
}

function cutText(record: InRecord): string {
  if (record.value === null) return 'tombstone: no request needs this cut any more';
  try {
    const { offset, plan } = decodeControl('cut', record);
    const shares = plan.shares.map(
      ({ lane, weightBp }) => `${lane} v${plan.lanes[lane]?.version} ${formatWeight(weightBp)}`,
    );
    const revoked = plan.revoked.map(({ version }) => `v${version} revoked`);
    return [`from ${offset} on: plan ${plan.revision} of ${plan.rollout}:`, [...shares, ...revoked].join(', ')].join(
      ' ',
    );
  } catch (error) {
    return clipped(errorText(error), PREVIEW_CHARS_MAX);
  }
}

/** Codec, size and the beginning of a payload. */
function preview({ value, headers }: InRecord): string {
  if (value === null) return 'no value';
  const codec = codecNameOf(headerText(headers, HEADER.contentType), value);
  const head = textOrBase64(value.length > PREVIEW_BYTES_MAX ? wholeCharacters(value) : value);
  const shown =
    typeof head === 'string'
      ? clipped(head, PREVIEW_CHARS_MAX)
      : `base64:${base64(value.subarray(0, BASE64_SHOWN_BYTES_MAX))}…`;
  return `${codec} ${value.length} bytes ${shown}`;
}

/** The beginning of a payload, cut between characters of UTF-8. */
function wholeCharacters(value: Bytes): Bytes {
  let end = PREVIEW_BYTES_MAX;
  while (end > PREVIEW_BYTES_MAX - 4 && ((value[end] ?? 0) & 0xc0) === 0x80) end--;
  return value.subarray(0, end);
}

function shownValue(record: InRecord, kind: ViewKind): unknown {
  const { value } = record;
  if (value === null) return null;
  try {
    if (kind === 'cut') return decodeControl('cut', record);
    if (kind === 'answer') {
      const answer = decodeAnswer(value, headerText(record.headers, HEADER.contentType));
      if (answer.kind === 'error') return answer;
      const outputs = answer.outputs.map((tensor) => ({
        ...tensor,
        data: Array.from(tensor.data as ArrayLike<number | bigint>),
      }));
      return { ...answer, outputs };
    }
  } catch (error) {
    return { unreadable: errorText(error), ...asBase64(value) };
  }
  const text = textOrBase64(value);
  if (typeof text !== 'string') return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function textOrBase64(bytes: Bytes): string | { readonly base64: string } {
  try {
    return strict.decode(bytes);
  } catch {
    return asBase64(bytes);
  }
}

function asBase64(bytes: Bytes): { readonly base64: string } {
  return { base64: base64(bytes) };
}

function base64(bytes: Bytes): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
