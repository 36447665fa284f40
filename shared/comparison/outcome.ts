// Outcome: what comparisons know of one answer, and the pair, the unit that every metric folds.
// Flow: E.predictions, E.shadow → decoded → [Outcome] → join → [Compared] → metrics, examples.
// Terms: live = what E.predictions says, whichever version answered; shadow = what a candidate would have answered.

import type { PlanShadow } from '../domain/shadow.ts';
import type { Signature, Tensor, TensorData } from '../domain/tensor.ts';
import { rowElements } from '../domain/tensor.ts';
import type { Chosen } from './report.ts';

/** How one output tensor is compared. */
export interface Field {
  readonly name: string;
  /**
   * `classes`: `size` scores per row; the class is the largest, the first of equals. `number`: `size` numbers per row, compared
   * one by one. `label`: `size` integers per row, equal or not.
   */
  readonly kind: 'classes' | 'number' | 'label';
  readonly size: number;
  /** |shadow − live| ≤ atol + rtol · |live| is no difference. Both ≥ 0. */
  readonly atol: number;
  readonly rtol: number;
}

/** Float32 arithmetic of two runtimes differs by about this much. */
export const TOLERANCE_DEFAULT = { atol: 1e-4, rtol: 1e-3 } as const;

/** Values of one field, as they were decoded: copying them would cost more than comparing them. */
export type Column = Exclude<TensorData, BigInt64Array>;

/** What one version made of one request. */
export interface Outcome {
  readonly version: number;
  /** Error code of an error answer, else null. */
  readonly error: string | null;
  /** Time of the batch in the model's process, microseconds; null when it is not known. */
  readonly scoringUs: number | null;
  readonly rows: number;
  /** Per field: rows × size values. Empty with an error. */
  readonly values: readonly Column[];
}

/** The unit that is folded: a live answer, and the shadow's to the same request, where there is one. */
export interface Compared {
  readonly live: Outcome;
  readonly shadow: Outcome | null;
}

/** What a label is held against: all that is kept of an outcome once nothing waits for the rest of it. */
export interface Answered {
  readonly version: number;
  readonly timestampMs: number;
  /** Of the first field, one per row: the class, the label, or the first number. Empty for an error. */
  readonly answers: Column;
}

/** A pair, or a live answer without one, as labels know it. */
export interface AnsweredPair {
  readonly live: Answered;
  readonly shadow: Answered | null;
}

/** How the outputs of a signature are compared, in its order. */
export function fieldsOf(signature: Signature, tolerances: PlanShadow['tolerances'] = []): Field[] {
  return signature.outputs.map(({ name, datatype, shape }) => {
    const size = rowElements(shape);
    const named = (wanted: string) => tolerances.find(({ output }) => output === wanted);
    const { atol, rtol } = named(name) ?? named('*') ?? TOLERANCE_DEFAULT;
    const isFloat = datatype === 'FP32' || datatype === 'FP64';
    const kind = !isFloat ? 'label' : size > 1 ? 'classes' : 'number';
    return { name, kind, size, atol, rtol };
  });
}

/** Values of decoded outputs by field; null when they do not fit the fields. */
export function valuesOf(outputs: readonly Tensor[], fields: readonly Field[]): Column[] | null {
  const values: Column[] = [];
  for (const { name, size } of fields) {
    const tensor = tensorNamed(outputs, name);
    if (tensor === undefined || tensor.data.length !== (tensor.shape[0] ?? 0) * size) return null;
    const { data } = tensor;
    values.push(data instanceof BigInt64Array ? Float64Array.from(data, Number) : data);
  }
  return values;
}

function tensorNamed(tensors: readonly Tensor[], name: string): Tensor | undefined {
  for (const tensor of tensors) if (tensor.name === name) return tensor;
  return undefined;
}

/** Class of one row: the place of its largest score, the first of equals. */
export function classOf(values: Column, field: Field, row: number): number {
  let best = 0;
  for (let place = 1; place < field.size; place++) {
    if ((values[row * field.size + place] ?? 0) > (values[row * field.size + best] ?? 0)) best = place;
  }
  return best;
}

/** What a row of a field says to a label: its class, its label, or its first number. */
export function answerOf(values: Column, field: Field, row: number): number {
  return field.kind === 'classes' ? classOf(values, field, row) : (values[row * field.size] ?? Number.NaN);
}

/** Values of one field of an example that people are shown, and of all its fields: a record holds forty examples. */
const SHOWN_VALUES_MAX = 32;
const SHOWN_VALUES_SUM_MAX = 64;

/** Values of each field that an example shows at most: the fewer the more fields there are. */
export function shownMax(fields: readonly Field[]): number {
  const share = Math.max(1, Math.floor(SHOWN_VALUES_SUM_MAX / Math.max(1, fields.length)));
  return Math.min(SHOWN_VALUES_MAX, share);
}

/** The first row of each field, cut short; empty for an error. */
export function firstRow({ values }: Outcome, fields: readonly Field[]): number[][] {
  const shown = shownMax(fields);
  return values.map((column, place) => [...column.subarray(0, Math.min(fields[place]?.size ?? 0, shown))]);
}

/** What the first row chose among all values of each field, null where not all are there; empty for an error. */
export function chosenOf({ values }: Pick<Outcome, 'values'>, fields: readonly Field[]): Chosen[] {
  return values.map((column, place) => {
    const field = fields[place];
    if (field?.kind !== 'classes' || column.length < field.size) return null;
    const best = classOf(column, field, 0);
    return { class: best, score: column[best] ?? Number.NaN };
  });
}
