// Outcomes: records of E.predictions and E.shadow as comparisons know them.
// Flow: record → [readOutcome, readShadow] → join. Decoding is bounded, as it is for every reader of answers.
// Invariant: never throws for what a record says: what is no answer is `unreadable`, and counted.

import { decodeControl } from '../codec/control.ts';
import { decodeAnswer } from '../codec/registry.ts';
import { type Field, fieldsOf, type Outcome, valuesOf } from '../comparison/outcome.ts';
import type { Placed } from '../comparison/pending.ts';
import { HEADER, headerBytes, headerText } from '../domain/headers.ts';
import type { Bytes, Header, InRecord } from '../domain/record.ts';
import type { PlanShadow, ShadowMark } from '../domain/shadow.ts';
import type { Tensor } from '../domain/tensor.ts';

/** How outputs are compared: empty until the first answer has shown what there is. */
export interface FieldsInUse {
  readonly fields: Field[];
  readonly tolerances: PlanShadow['tolerances'];
}

export type ReadOutcome =
  | { readonly kind: 'outcome'; readonly source: number; readonly placed: Placed }
  | { readonly kind: 'unreadable' };

export type ReadShadow =
  | ReadOutcome
  | { readonly kind: 'mark'; readonly mark: ShadowMark }
  /** Of another run. */
  | { readonly kind: 'other' };

const UNREADABLE = { kind: 'unreadable' } as const;
const OTHER = { kind: 'other' } as const;
/** Longest name of an output, as signatures have it: a record of E.totals holds those of all. */
const NAME_CHARS_MAX = 128;
const NO_BYTES: Bytes = new Uint8Array();
const ZERO: Bytes = Uint8Array.of(0x30);

export function readOutcome(record: InRecord, use: FieldsInUse): ReadOutcome {
  const { headers, offset, timestampMs } = record;
  const source = sourceIn(headers, record.partition);
  const version = numberIn(headerBytes(headers, HEADER.version) ?? ZERO);
  if (source === null || version === null) return UNREADABLE;
  const error = shortText(headers, HEADER.error);
  const values = error === null ? valuesIn(record, use) : { rows: 0, values: [] };
  if (values === null) return UNREADABLE;
  const scoringUs = numberIn(headerBytes(headers, HEADER.scoringUs) ?? NO_BYTES);
  const outcome: Outcome = { version, error, scoringUs, ...values };
  return { kind: 'outcome', source, placed: { outcome, offset, timestampMs } };
}

/** A record of E.shadow, of the run of this `rollout` and `version`. */
export function readShadow(
  record: InRecord,
  use: FieldsInUse & { readonly rollout: string; readonly version: number },
): ReadShadow {
  const { headers } = record;
  if (shortText(headers, HEADER.shadow) !== use.rollout) return OTHER;
  if (numberIn(headerBytes(headers, HEADER.version) ?? NO_BYTES) !== use.version) return OTHER;
  if (headerBytes(headers, HEADER.shadowMark) === null) return readOutcome(record, use);
  try {
    return { kind: 'mark', mark: decodeControl('shadow-mark', record) };
  } catch {
    return UNREADABLE;
  }
}

function valuesIn(record: InRecord, use: FieldsInUse): Pick<Outcome, 'rows' | 'values'> | null {
  if (record.value === null) return null;
  let outputs: readonly Tensor[];
  try {
    const answer = decodeAnswer(record.value, shortText(record.headers, HEADER.contentType));
    if (answer.kind === 'error') return null;
    outputs = answer.outputs;
  } catch {
    return null;
  }
  if (outputs.some(({ name }) => name.length > NAME_CHARS_MAX)) return null;
  if (use.fields.length === 0) use.fields.push(...fieldsOf({ inputs: [], outputs }, use.tolerances));
  const values = valuesOf(outputs, use.fields);
  return values === null ? null : { rows: outputs[0]?.shape[0] ?? 0, values };
}

/** Texts of headers that come again and again, by name: comparing bytes is cheaper than decoding them. */
const remembered = new Map<string, { readonly bytes: Bytes; readonly text: string }>();
const SHORT_BYTES_MAX = 64;

/** `headerText`, which remembers the last short text of each name that is asked for. */
function shortText(headers: readonly Header[], name: string): string | null {
  const bytes = headerBytes(headers, name);
  if (bytes === null) return null;
  const last = remembered.get(name);
  if (last !== undefined && areEqual(last.bytes, bytes)) return last.text;
  const text = headerText(headers, name) ?? '';
  if (bytes.length <= SHORT_BYTES_MAX) remembered.set(name, { bytes: Uint8Array.from(bytes), text });
  return text;
}

function areEqual(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** The id of the request that a record answers; empty where it names none. */
export function requestIdIn(headers: readonly Header[]): Bytes {
  return headerBytes(headers, HEADER.requestId) ?? NO_BYTES;
}

/** Offset of the source that a record names, where it lies in the record's partition; else null. */
export function sourceIn(headers: readonly Header[], partition: number): number | null {
  const bytes = headerBytes(headers, HEADER.source);
  const at = bytes === null ? -1 : bytes.indexOf(AT);
  if (bytes === null || at < 0 || numberIn(bytes, 0, at) !== partition) return null;
  return numberIn(bytes, at + 1);
}

/** Longest decimal number that is exact. */
const DIGITS_MAX = 15;
const AT = 0x40;

/** A decimal number of ASCII digits and nothing else; null for anything else. */
function numberIn(bytes: Bytes, from = 0, to = bytes.length): number | null {
  if (to <= from || to - from > DIGITS_MAX) return null;
  let number = 0;
  for (let at = from; at < to; at++) {
    const digit = (bytes[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return null;
    number = number * 10 + digit;
  }
  return number;
}
