// Agreement: how many pairs agree within tolerance, in every field and field by field.
// Invariants: a pair counts only where both sides answered; neither an error nor what is not a number ever agrees.

import { z } from 'zod';
import type { Compared, Field } from '../outcome.ts';
import type { Metric } from './metric.ts';
import { columnOf, isAnswered, mergeLists } from './rows.ts';

const count = z.int().min(0);
const schema = z.strictObject({
  /** Pairs without an error on either side. */
  pairs: count,
  /** Those whose every field agrees. */
  agreed: count,
  /** Those that agree in a field, by its place among the fields. */
  fields: z.array(count).max(1_024),
});

export const agreement: Metric<z.infer<typeof schema>> = {
  name: 'agreement',
  summary: 'Pairs whose values agree within tolerance, in every field and by field.',
  schema,
  empty: () => ({ pairs: 0, agreed: 0, fields: [] }),
  add(state, compared, fields) {
    if (compared.shadow === null || !isAnswered(compared)) return;
    state.pairs += 1;
    let agreed = true;
    for (let place = 0; place < fields.length; place++) {
      const field = fields[place];
      const agrees = field !== undefined && fieldAgrees(compared, field, place);
      state.fields[place] = (state.fields[place] ?? 0) + (agrees ? 1 : 0);
      agreed &&= agrees;
    }
    if (agreed) state.agreed += 1;
  },
  merge: (a, b) => ({
    pairs: a.pairs + b.pairs,
    agreed: a.agreed + b.agreed,
    fields: mergeLists(a.fields, b.fields, { empty: () => 0, merge: (x, y) => x + y }),
  }),
};

function fieldAgrees({ live, shadow }: Compared, field: Field, place: number): boolean {
  if (shadow === null) return false;
  const [ours, theirs] = [columnOf(live, place), columnOf(shadow, place)];
  if (ours.length !== theirs.length) return false;
  const isLabel = field.kind === 'label';
  for (let i = 0; i < ours.length; i++) {
    const [a, b] = [ours[i] ?? Number.NaN, theirs[i] ?? Number.NaN];
    if (a === b) continue;
    const apart = Math.abs(b - a);
    if (isLabel || !(apart <= field.atol + field.rtol * Math.abs(a)) || apart === Number.POSITIVE_INFINITY)
      return false;
  }
  return true;
}
