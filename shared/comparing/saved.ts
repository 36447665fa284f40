// Saved: a comparison as a record of E.totals, and back.
// Flow: comparator → [totalsOf] → E.totals → [savedOf] → the next owner, `millrace compare`, demo.
// Invariant: what is read back is checked by the metrics' own schemas; states of metrics that are gone are left out.

import { COMPARISON_START, type SavedComparison } from '../comparison/comparison.ts';
import { parseStates } from '../comparison/metrics/registry.ts';
import type { Field } from '../comparison/outcome.ts';
import type { Example } from '../comparison/report.ts';
import type { Totals } from '../domain/comparison.ts';
import type { PlanShadow } from '../domain/shadow.ts';

/** A run in one partition, as it is known without its counts. */
export type TotalsHead = Pick<
  Totals,
  'endpoint' | 'rollout' | 'version' | 'digest' | 'partition' | 'sampleBp' | 'sinceMs' | 'ended' | 'atMs'
> &
  Terms;

/** How outputs are compared: the fields, once an answer has shown them, and what they are held to. */
export interface Terms {
  readonly fields: readonly Field[];
  readonly tolerances: PlanShadow['tolerances'];
}

/** Of the metric states of one record: what a record of a control topic may have, less room for the rest of it. */
export const STATES_CHARS_MAX = 786_432;

export function totalsOf({ fields, tolerances, ...head }: TotalsHead, saved: SavedComparison): Totals {
  const { begun, ...join } = saved.join;
  return {
    ...head,
    ...join,
    begun: begun ?? -1,
    terms: JSON.stringify({ fields, tolerances }),
    states: statesText(saved.states),
    examples: JSON.stringify(saved.examples),
  };
}

/**
 * Scopes as JSON, those that were counted last first to stay: an endpoint that has served hundreds of versions must not outgrow
 * its record. What goes from here is in the windows of millrace.metrics still.
 * @param states the one that was counted last stands last
 */
function statesText(states: SavedComparison['states']): string {
  const kept: string[] = [];
  let chars = 2;
  for (const [scope, state] of Object.entries(states).reverse()) {
    const text = `${JSON.stringify(scope)}:${JSON.stringify(state)}`;
    chars += text.length + 1;
    if (chars > STATES_CHARS_MAX) break;
    kept.unshift(text);
  }
  return `{${kept.join(',')}}`;
}

/** @throws SyntaxError, ZodError for texts that nobody of us wrote */
export function savedOf(totals: Totals): SavedComparison & Terms {
  const { live, shadow, labels, begun, done, skipped, decided, removed, counts } = totals;
  const states: Record<string, unknown> = JSON.parse(totals.states);
  const terms: Terms = JSON.parse(totals.terms);
  const examples: readonly Example[] = JSON.parse(totals.examples);
  return {
    ...COMPARISON_START,
    join: { live, shadow, labels, begun: begun < 0 ? null : begun, done, skipped, decided, removed, counts },
    states: Object.fromEntries(Object.entries(states).map(([scope, state]) => [scope, parseStates(state)])),
    examples,
    ...terms,
  };
}
