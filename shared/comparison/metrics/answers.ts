// Answers: how many answers each side gave, and how many of them were errors, by code.
// Invariant: codes are those of the catalogue, so that there are not more than it has; any other counts as OTHER.

import { z } from 'zod';
import { ERRORS } from '../../domain/errors.ts';
import { mergeCounts } from '../histogram.ts';
import type { Outcome } from '../outcome.ts';
import type { Metric } from './metric.ts';

const CODE_OTHER = 'OTHER';
/** More than any catalogue will have: a bound for what comes from a topic. */
const CODES_MAX = 1_024;

const count = z.int().min(0);
const sideSchema = z.strictObject({
  /** Error answers too. */
  answers: count,
  errors: z
    .record(z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/), count)
    .refine((errors) => Object.keys(errors).length <= CODES_MAX, `more than ${CODES_MAX} codes`),
});
const schema = z.strictObject({ live: sideSchema, shadow: sideSchema });
type Side = z.infer<typeof sideSchema>;

export const answers: Metric<z.infer<typeof schema>> = {
  name: 'answers',
  summary: 'Answers of each side, and its error answers by code.',
  schema,
  empty: () => ({ live: { answers: 0, errors: {} }, shadow: { answers: 0, errors: {} } }),
  add(state, { live, shadow }) {
    countOne(state.live, live);
    if (shadow !== null) countOne(state.shadow, shadow);
  },
  merge: (a, b) => ({ live: mergeSides(a.live, b.live), shadow: mergeSides(a.shadow, b.shadow) }),
};

function countOne(side: Side, { error }: Outcome): void {
  side.answers += 1;
  if (error === null) return;
  const code = Object.hasOwn(ERRORS, error) ? error : CODE_OTHER;
  side.errors[code] = (side.errors[code] ?? 0) + 1;
}

function mergeSides(a: Side, b: Side): Side {
  return { answers: a.answers + b.answers, errors: mergeCounts(a.errors, b.errors) };
}
