// Outcomes: records of E.predictions and E.shadow as comparisons know them.
// Flow: record → [readOutcome, readShadow] → join. Decoding is bounded, as it is for every reader of answers.
// Invariant: never throws for what a record says: what is no answer is `unreadable`, and counted.

import { decodeControl } from '../codec/control.ts';
import { decodeAnswer } from '../codec/registry.ts';
import { type Field, fieldsOf, type Outcome, valuesOf } from '../comparison/outcome.ts';
import type { Placed } from '../comparison/pending.ts';
import { HEADER, headerBytes, headerText } from '../domain/headers.ts';
import { type Bytes, type Header, type InRecord, parseSource } from '../domain/record.ts';
import type { PlanShadow, ShadowMark } from '../domain/shadow.ts';
import type { Tensor } from '../domain/tensor.ts';

/** How outputs are compared: empty until the first answer has shown what there is. */
export interface FieldsInUse {
  readonly fields: Field[];
  readonly tolerances: PlanShadow['tolerances'];
}

export type ReadOutcome =
  | { readonly kind: 'outcome'; readonly source: number; readonly requestId: Bytes; readonly placed: Placed }
  | { readonly kind: 'unreadable' };

export type ReadShadow =
  | ReadOutcome
  | { readonly kind: 'mark'; readonly mark: ShadowMark }
  /** Of another run. */
  | { readonly kind: 'other' };

const UNREADABLE = { kind: 'unreadable' } as const;
const OTHER = { kind: 'other' } as const;
const NO_BYTES: Bytes = new Uint8Array();

const SHORT_BYTES_MAX = 64;
const ASCII = Array.from({ length: 0x80 }, (_, code) => String.fromCharCode(code));

export function readOutcome(record: InRecord, use: FieldsInUse): ReadOutcome {
  const { headers, offset, timestampMs } = record;
  const source = parseSource(shortText(headers, HEADER.source) ?? '');
  const version = Number(shortText(headers, HEADER.version) ?? 0);
  if (source === null || source.partition !== record.partition || !Number.isSafeInteger(version)) return UNREADABLE;
  const error = shortText(headers, HEADER.error);
  const values = error === null ? valuesIn(record, use) : { rows: 0, values: [] };
  if (values === null) return UNREADABLE;
  const scoringUs = numberOf(shortText(headers, HEADER.scoringUs));
  const outcome: Outcome = { version, error, scoringUs, ...values };
  const requestId = headerBytes(headers, HEADER.requestId) ?? NO_BYTES;
  return { kind: 'outcome', source: source.offset, requestId, placed: { outcome, offset, timestampMs } };
}

/** A record of E.shadow, of the run of this `rollout` and `version`. */
export function readShadow(
  record: InRecord,
  use: FieldsInUse & { readonly rollout: string; readonly version: number },
): ReadShadow {
  const { headers } = record;
  if (shortText(headers, HEADER.shadow) !== use.rollout) return OTHER;
  if (Number(shortText(headers, HEADER.version)) !== use.version) return OTHER;
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
  if (use.fields.length === 0) use.fields.push(...fieldsOf({ inputs: [], outputs }, use.tolerances));
  const values = valuesOf(outputs, use.fields);
  return values === null ? null : { rows: outputs[0]?.shape[0] ?? 0, values };
}

/** `headerText`, without a decoder's cost for what is short and ASCII, as all that we write is. */
function shortText(headers: readonly Header[], name: string): string | null {
  const bytes = headerBytes(headers, name);
  if (bytes === null) return null;
  if (bytes.length > SHORT_BYTES_MAX) return headerText(headers, name);
  let text = '';
  for (const byte of bytes) {
    if (byte >= 0x80) return headerText(headers, name);
    text += ASCII[byte];
  }
  return text;
}

function numberOf(text: string | null): number | null {
  return text === null || !/^\d{1,15}$/.test(text) ? null : Number(text);
}
