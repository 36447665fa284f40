// RunRecords: what a record means to a run: an answer to be compared, an output, a mark of its shadow, a label.
// Flow: inputs → [addLive, addShadow, addLabel] → comparison. Every record moves its input on, whatever it says.

import { decodeControl } from '../codec/control.ts';
import type { Comparison } from '../comparison/comparison.ts';
import type { Field } from '../comparison/outcome.ts';
import type { KeyedLabel } from '../domain/comparison.ts';
import type { InRecord } from '../domain/record.ts';
import { type ShadowMark, samplerOf } from '../domain/shadow.ts';
import { type AnswersInUse, addAnswer } from './add-answer.ts';
import { readShadow } from './outcomes.ts';

/** A shadow of a rollout, as its mark or its totals say it. */
export interface Run extends NonNullable<ShadowMark['terms']> {
  readonly rollout: string;
  readonly version: number;
}

export interface RunRecordsOptions {
  /** Null: the answers of all versions, without a pair. */
  readonly run: Run | null;
  /** Filled by the first answer. */
  readonly fields: Field[];
  readonly place: { readonly endpoint: string; readonly requests: string; readonly partition: number };
}

export class RunRecords {
  readonly #comparison: Comparison;
  readonly #options: RunRecordsOptions;
  readonly #answers: AnswersInUse;
  /** Request ids that begin so are their requests' places. */
  readonly #placePrefix: Buffer;
  #lastLabel: { readonly at: number; readonly label: KeyedLabel | null } = { at: -1, label: null };

  constructor(comparison: Comparison, options: RunRecordsOptions) {
    const { run, fields, place } = options;
    this.#comparison = comparison;
    this.#options = options;
    this.#answers = {
      fields,
      tolerances: run?.tolerances ?? [],
      isSampled: run === null ? () => true : samplerOf(place.endpoint, run.sampleBp),
      ownId: (requestId) => this.#ownId(requestId),
    };
    this.#placePrefix = Buffer.from(`${place.requests}-${place.partition}-`);
  }

  addLive(record: InRecord): void {
    addAnswer(this.#comparison, record, this.#answers);
  }

  /** @returns the mark with which the comparison begins, when it is this record */
  addShadow(record: InRecord): ShadowMark | null {
    const { join } = this.#comparison;
    const { run, fields } = this.#options;
    if (run === null) return null;
    const read = readShadow(record, { fields, ...run });
    const isOld = join.shadow.isOld(record.offset);
    join.shadow.read(record.offset, read.kind === 'outcome' ? read.source : -1);
    if (read.kind === 'unreadable') join.addUnreadable('shadow', record.offset);
    if (read.kind === 'outcome') join.addShadow(read.source, read.placed);
    if (read.kind !== 'mark' || isOld) return null;
    const { kind, from, to } = read.mark;
    if (kind !== 'begun') join.progress({ from, to, skipped: kind === 'skipped' });
    if (kind !== 'begun' || join.begun !== null) return null;
    join.begin(to);
    return read.mark;
  }

  /** End of the partition's requests when the label was keyed; −1 for what cannot be read. */
  endOf(record: InRecord): number {
    return this.#labelOf(record)?.requestsEnd ?? -1;
  }

  addLabel(record: InRecord): void {
    const { join } = this.#comparison;
    const label = this.#labelOf(record);
    if (label === null) {
      join.labels.read(record.offset, -1);
      return;
    }
    const { offset, requestId, values, requestsEnd } = label;
    join.labels.read(record.offset, offset < 0 ? requestsEnd : offset);
    this.#comparison.addLabel(offset < 0 ? requestId : offset, { offset: record.offset, values, requestsEnd });
  }

  /** Decoded once: the label at the head is asked for its end again and again. Null for what cannot be read: only we write this topic. */
  #labelOf(record: InRecord): KeyedLabel | null {
    if (this.#lastLabel.at !== record.offset) this.#lastLabel = { at: record.offset, label: decodeLabel(record) };
    return this.#lastLabel.label;
  }

  /** A request id that is not just the request's place, as text; else null. */
  #ownId(requestId: Uint8Array): string | null {
    const prefix = this.#placePrefix;
    const length = Math.min(requestId.length, prefix.length);
    return length === 0 || prefix.compare(requestId, 0, length) === 0 ? null : Buffer.from(requestId).toString();
  }
}

function decodeLabel(record: InRecord): KeyedLabel | null {
  try {
    return decodeControl('keyed-label', record);
  } catch {
    return null;
  }
}
