// Subject: the comparison that is measured, as the service makes one for a run in a partition.

import { DEFAULT_LIMITS } from '../../../shared/comparing/limits.ts';
import { Comparison, type ComparisonOptions } from '../../../shared/comparison/comparison.ts';
import type { Field } from '../../../shared/comparison/outcome.ts';

const TOPICS = { requests: 'digits.requests', predictions: 'digits.predictions', shadow: 'digits.shadow' };
export const PLACE = { requests: TOPICS.requests, partition: 0 };

/** It has begun with the first request. */
export function comparisonOf(fields: Field[], limits: Partial<ComparisonOptions> = {}): Comparison {
  const comparison = new Comparison({
    ...DEFAULT_LIMITS,
    partition: 0,
    fields,
    paired: true,
    topics: TOPICS,
    ...limits,
  });
  comparison.join.begin(0);
  return comparison;
}
