// AnsweredPair: what a join keeps of a pair for its label, for tests of what labels are counted into.

import type { AnsweredPair, Compared, Field } from '../outcome.ts';
import { Pending } from '../pending.ts';

export function answeredPair({ live, shadow }: Compared, fields: readonly Field[]): AnsweredPair {
  const pending = new Pending(fields);
  for (const [side, outcome] of [['live', live] as const, ['shadow', shadow] as const]) {
    if (outcome !== null) pending.settle(0, side, { outcome, offset: 0, timestampMs: 0 });
  }
  const answered = pending.answered(0, 'live');
  if (answered === null) throw new RangeError('a settled outcome is there');
  return { live: answered, shadow: pending.answered(0, 'shadow') };
}
