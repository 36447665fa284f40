// Rows: what the metrics share about the rows of a pair: which can be compared, and what number stands for each.
// Invariant: a row counts only where every side has answered; without a shadow the live side alone decides.

import type { Column, Compared, Field, Outcome } from '../outcome.ts';

const NOTHING: Column = new Float64Array();

/** Values of the field at `place`; none for an error answer. */
export function columnOf({ values }: Outcome, place: number): Column {
  return values[place] ?? NOTHING;
}

/** Whether nobody answered with an error. */
export function isAnswered({ live, shadow }: Compared): boolean {
  return live.error === null && (shadow === null || shadow.error === null);
}

/** Rows of a field that both sides have; 0 where they do not fit. */
export function rowsOf({ live, shadow }: Compared, field: Field, place: number): number {
  const { length } = columnOf(live, place);
  if (shadow !== null && columnOf(shadow, place).length !== length) return 0;
  return field.size === 0 ? 0 : Math.floor(length / field.size);
}

/** Numbers that a field gives for its rows: a class's score for each, or every number. */
export function pointsOf(field: Field, rows: number): number {
  if (field.kind === 'label') return 0;
  return field.kind === 'classes' ? rows : rows * field.size;
}

/** @param at 0 … pointsOf − 1 */
export function pointOf(column: Column, field: Field, at: number): number {
  if (field.kind !== 'classes') return column[at] ?? Number.NaN;
  let best = Number.NEGATIVE_INFINITY;
  for (let i = at * field.size; i < (at + 1) * field.size; i++) {
    const score = column[i] ?? Number.NaN;
    if (score > best) best = score;
  }
  return best === Number.NEGATIVE_INFINITY ? Number.NaN : best;
}

/** The state of the field at `place`, which is made when it is not there yet: states know no fields before the first answer. */
export function stateAt<State>(states: State[], place: number, empty: () => State): State {
  while (states.length <= place) states.push(empty());
  return states[place] as State;
}

/** Both lists added up, place by place; the longer one gives the length. */
export function mergeLists<State>(
  a: readonly State[],
  b: readonly State[],
  by: { readonly empty: () => State; readonly merge: (a: State, b: State) => State },
): State[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, place) =>
    by.merge(a[place] ?? by.empty(), b[place] ?? by.empty()),
  );
}
