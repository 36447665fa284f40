// Saved: a comparison as a record of E.totals, and back.
// Flow: comparator → [totalsOf] → E.totals → [savedOf] → the next owner, `millrace compare`, demo.
// Invariants: what is read back is checked by the metrics' own schemas; states of metrics that are gone are left out. A record
//             holds FULL_SCOPES_MIN scopes however full they are; a scope that it does not hold its writer drops as well, so that
//             whoever reads it goes on from the same.

import { CONTROL_BYTES_MAX } from '../codec/limits.ts';
import { COMPARISON_START, type SavedComparison } from '../comparison/comparison.ts';
import { asWritten, bytesWithin, fitted } from '../comparison/fitted.ts';
import { levelOf, parseStates } from '../comparison/metrics/registry.ts';
import { chosenOf, type Field, shownMax } from '../comparison/outcome.ts';
import type { Example } from '../comparison/report.ts';
import type { Totals } from '../domain/comparison.ts';
import type { PlanShadow } from '../domain/shadow.ts';

/**
 * Scopes that fit a record whatever else it holds, three times SCOPE_BYTES_MAX: those of a canary's two versions, and of the one
 * before them, whose labels may still come. Examples take some 235,000 bytes at most, outputs and the join 150,000.
 */
export const FULL_SCOPES_MIN = 3;

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

/**
 * @returns the record; the scopes that it holds nothing of, since it would have too many bytes; and those of which it holds less
 *          than was counted, the former among them
 */
export function totalsOf(
  { fields, tolerances, ...head }: TotalsHead,
  saved: SavedComparison,
): { readonly totals: Totals; readonly dropped: readonly string[]; readonly reduced: readonly string[] } {
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
  const { text, dropped } = scopesText(saved.states, CONTROL_BYTES_MAX - restBytes);
  const coarse = Object.keys(saved.states).filter((scope) => levelOf(saved.states[scope] ?? {}) > 0);
  return { totals: { ...rest, states: text }, dropped, reduced: [...new Set([...dropped, ...coarse])] };
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
): { readonly text: string; readonly dropped: readonly string[] } {
  const kept: string[] = [];
  const dropped: string[] = [];
  let bytes = 2;
  for (const [scope, states] of Object.entries(scopes).reverse()) {
    if (bytes <= bytesMax) {
      const written = asWritten(states);
      const name = `${JSON.stringify(scope)}:`;
      // Less one pair of quotes: it is one text.
      bytes += bytesWithin(name) + written.bytes - 2 + 1;
      if (bytes <= bytesMax) kept.unshift(`${name}${written.text}`);
    }
    if (bytes > bytesMax) dropped.push(scope);
  }
  return { text: `{${kept.join(',')}}`, dropped };
}

/** @throws SyntaxError, ZodError for texts that nobody of us wrote */
export function savedOf(totals: Totals): SavedComparison & Terms {
  const { live, shadow, labels, begun, done, skipped, ticks, decided, removed, counts } = totals;
  const states: Record<string, unknown> = JSON.parse(totals.states);
  const terms: Terms = JSON.parse(totals.terms);
  const examples: readonly Example[] = JSON.parse(totals.examples);
  return {
    ...COMPARISON_START,
    join: { live, shadow, labels, begun: begun < 0 ? null : begun, done, skipped, ticks, decided, removed, counts },
    states: Object.fromEntries(Object.entries(states).map(([scope, state]) => [scope, fitted(parseStates(state))])),
    examples: examples.map((example) => boundedExample(example, terms.fields)),
    ...terms,
  };
}

/** An example of a version that kept 32 values of every field, and not which one was chosen, as one of this version. */
function boundedExample({ live, shadow, chosen, ...example }: Example, fields: readonly Field[]): Example {
  const shown = shownMax(fields);
  const cut = (rows: Example['live']) => rows.map((row) => row.slice(0, shown));
  // JSON has null for what is no number.
  const columns = (rows: Example['live']) => rows.map((row) => Float64Array.from(row, (value) => value ?? Number.NaN));
  const chosenIn = (rows: Example['live']) => chosenOf({ values: columns(rows) }, fields);
  return {
    ...example,
    live: cut(live),
    shadow: cut(shadow),
    chosen: chosen ?? { live: chosenIn(live), shadow: chosenIn(shadow) },
  };
}
