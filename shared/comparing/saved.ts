// Saved: a comparison as a record of E.totals, and back.
// Flow: comparator → [totalsOf] → E.totals → [savedOf] → the next owner, `millrace compare`, demo.
// Invariant: what is read back is checked by the metrics' own schemas; states of metrics that are gone are left out.

import { CONTROL_BYTES_MAX } from '../codec/limits.ts';
import { COMPARISON_START, type SavedComparison } from '../comparison/comparison.ts';
import { bytesWithin } from '../comparison/fitted.ts';
import { levelOf, parseStates } from '../comparison/metrics/registry.ts';
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

/** @returns the record, and the scopes of which it holds less than was counted, or nothing, since it would have too many bytes */
export function totalsOf(
  { fields, tolerances, ...head }: TotalsHead,
  saved: SavedComparison,
): { readonly totals: Totals; readonly reduced: readonly string[] } {
  const { begun, ...join } = saved.join;
  const rest = {
    ...head,
    ...join,
    begun: begun ?? -1,
    terms: JSON.stringify({ fields, tolerances }),
    states: '',
    examples: JSON.stringify(saved.examples),
  };
  const restBytes = Buffer.byteLength(JSON.stringify(rest));
  const { text, reduced } = scopesText(saved.states, CONTROL_BYTES_MAX - restBytes);
  return { totals: { ...rest, states: text }, reduced };
}

/**
 * Scopes as JSON, those that were counted last first to stay: an endpoint that has served hundreds of versions must not outgrow
 * its record. What goes from here is in the windows of millrace.metrics still.
 * @param scopes the one that was counted last stands last
 * @param bytesMax of the text within its record
 */
function scopesText(
  scopes: SavedComparison['states'],
  bytesMax: number,
): { readonly text: string; readonly reduced: readonly string[] } {
  const kept: string[] = [];
  const reduced: string[] = [];
  let bytes = 2;
  for (const [scope, states] of Object.entries(scopes).reverse()) {
    const entry = bytes > bytesMax ? '' : `${JSON.stringify(scope)}:${JSON.stringify(states)}`;
    bytes += bytesWithin(entry) + 1;
    if (bytes <= bytesMax) kept.unshift(entry);
    if (bytes > bytesMax || levelOf(states) > 0) reduced.push(scope);
  }
  return { text: `{${kept.join(',')}}`, reduced };
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
