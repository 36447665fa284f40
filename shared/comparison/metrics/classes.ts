// Classes: which class, or label, each side chose: the mix of either side, and who chose what where the other chose what.
// Invariants: bounded by the class itself, never by what came first, so that any order counts the same: classes beyond
//             ±CLASS_MAX share one place in the mix, and the confusion has those within ±CONFUSED_MAX only. Where a record
//             would grow too large both bounds are halved, as often as it takes.

import { z } from 'zod';
import { mergeCounts } from '../histogram.ts';
import { type Column, classOf, type Field } from '../outcome.ts';
import type { Metric } from './metric.ts';
import { columnOf, isAnswered, mergeLists, rowsOf, stateAt } from './rows.ts';

/** Place of all classes in the mix that have none of their own. */
export const CLASS_OTHER = 'other';
const CLASS_MAX = 1_023;
/** A full confusion of so many classes is some 200 KB; of 1024 it would not fit into a record. */
const CONFUSED_MAX = 127;

const count = z.int().min(0);
const classesWithin = (max: number) =>
  z.string().refine((key) => /^(?:0|-?[1-9]\d{0,3})$/.test(key) && Math.abs(Number(key)) <= max, 'no class');
const mixSchema = z.record(z.union([classesWithin(CLASS_MAX), z.literal(CLASS_OTHER)]), count);
const fieldSchema = z.strictObject({
  /** Rows that both sides answered, and those of them with the same class. */
  rows: count,
  same: count,
  live: mixSchema,
  shadow: mixSchema,
  /** Rows by live class, then shadow class. */
  confusion: z.record(classesWithin(CONFUSED_MAX), z.record(classesWithin(CONFUSED_MAX), count)),
});
const schema = z.array(fieldSchema).max(1_024);
type FieldClasses = z.infer<typeof fieldSchema>;

export const classes: Metric<FieldClasses[]> = {
  name: 'classes',
  summary: 'Rows by class or label of each side, and their confusion.',
  schema,
  empty: () => [],
  add(state, compared, fields) {
    if (!isAnswered(compared)) return;
    const { live, shadow } = compared;
    for (let place = 0; place < fields.length; place++) {
      const of = stateAt(state, place, emptyField);
      const field = fields[place];
      if (field === undefined || field.kind === 'number') continue;
      const rows = rowsOf(compared, field, place);
      const points = field.kind === 'classes' ? rows : rows * field.size;
      for (let at = 0; at < points; at++) {
        const ours = chosen(columnOf(live, place), field, at);
        addCount(of.live, mixKey(ours, 0), 1);
        if (shadow === null) continue;
        const theirs = chosen(columnOf(shadow, place), field, at);
        addCount(of.shadow, mixKey(theirs, 0), 1);
        of.rows += 1;
        if (ours === theirs) of.same += 1;
        if (isWithin(ours, CONFUSED_MAX) && isWithin(theirs, CONFUSED_MAX)) confuse(of, ours, theirs);
      }
    }
  },
  merge: (a, b) => mergeLists(a, b, { empty: emptyField, merge: mergeFields }),
  coarser: (state, level) => state.map((of) => coarserField(of, level)),
};

/** The confusion has the classes within ± that, at a level of coarseness. */
export function confusedMax(level: number): number {
  return CONFUSED_MAX >> level;
}

function emptyField(): FieldClasses {
  return { rows: 0, same: 0, live: {}, shadow: {}, confusion: {} };
}

function mergeFields(a: FieldClasses, b: FieldClasses): FieldClasses {
  const confusion: FieldClasses['confusion'] = {};
  for (const key of new Set([...Object.keys(a.confusion), ...Object.keys(b.confusion)])) {
    confusion[key] = mergeCounts(a.confusion[key] ?? {}, b.confusion[key] ?? {});
  }
  return {
    rows: a.rows + b.rows,
    same: a.same + b.same,
    live: mergeCounts(a.live, b.live),
    shadow: mergeCounts(a.shadow, b.shadow),
    confusion,
  };
}

function coarserField(of: FieldClasses, level: number): FieldClasses {
  const mix = (counts: FieldClasses['live']) => {
    const folded: FieldClasses['live'] = {};
    for (const key of Object.keys(counts)) addCount(folded, mixKey(Number(key), level), counts[key] ?? 0);
    return folded;
  };
  const isKept = (key: string) => isWithin(Number(key), confusedMax(level));
  const within = (row: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(row).filter(([theirs]) => isKept(theirs)));
  const rows = Object.entries(of.confusion).map(([ours, row]) => [ours, within(row)] as const);
  const confusion = Object.fromEntries(rows.filter(([ours, row]) => isKept(ours) && Object.keys(row).length > 0));
  return { ...of, live: mix(of.live), shadow: mix(of.shadow), confusion };
}

function chosen(column: Column, field: Field, at: number): number {
  return field.kind === 'classes' ? classOf(column, field, at) : (column[at] ?? Number.NaN);
}

function isWithin(value: number, max: number): boolean {
  return Number.isInteger(value) && value <= max && value >= -max;
}

/** Where a class is counted in the mix, at a level of coarseness. */
function mixKey(value: number, level: number): string | number {
  return isWithin(value, CLASS_MAX >> level) ? value : CLASS_OTHER;
}

function addCount(mix: Record<string, number>, key: string | number, count: number): void {
  mix[key] = (mix[key] ?? 0) + count;
}

function confuse(of: FieldClasses, ours: number, theirs: number): void {
  let row = of.confusion[ours];
  if (row === undefined) {
    row = {};
    of.confusion[ours] = row;
  }
  row[theirs] = (row[theirs] ?? 0) + 1;
}
