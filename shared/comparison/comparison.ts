// Comparison: one run in one partition: the join, and what it folds into: metric states by scope, windows, examples.
// Flow: read outcomes, marks, labels → [Comparison] → commit: totals, windows, new examples; report.
// Invariant: everything that is written is a function of the inputs read so far; a restart goes on from what was written.

import { disagreementOf } from './disagreement.ts';
import { Examples } from './examples.ts';
import { fitted } from './fitted.ts';
import { Join, type Match } from './join.ts';
import { JOIN_START, type JoinState } from './join-state.ts';
import { LabelIds } from './label-ids.ts';
import type { MetricStates } from './metrics/metric.ts';
import { addLabelTo, addTo, emptyStates, mergeStates } from './metrics/registry.ts';
import { chosenOf, type Field, firstRow } from './outcome.ts';
import type { Placed } from './pending.ts';
import type { Example } from './report.ts';

export interface ComparisonOptions {
  readonly partition: number;
  /** Empty until the first answer has shown what there is. */
  readonly fields: readonly Field[];
  readonly paired: boolean;
  readonly window: number;
  readonly labelWindow: number;
  /** Length of a metric window. */
  readonly windowMs: number;
  readonly topics: { readonly requests: string; readonly predictions: string; readonly shadow: string };
}

/** What is kept of a comparison across a restart. */
export interface SavedComparison {
  readonly join: JoinState;
  /** By scope, `live~shadow`. */
  readonly states: Readonly<Record<string, MetricStates>>;
  readonly examples: readonly Example[];
}

export const COMPARISON_START: SavedComparison = { join: JOIN_START, states: {}, examples: [] };

/** What was added since the last commit. */
export interface Changes {
  readonly windows: readonly { readonly scope: string; readonly startMs: number; readonly states: MetricStates }[];
  readonly examples: readonly Example[];
}

interface Versions {
  readonly live: { readonly version: number };
  readonly shadow: { readonly version: number } | null;
}

interface OpenWindow {
  readonly live: number;
  readonly shadow: number | null;
  readonly startMs: number;
  readonly states: MetricStates;
}

/** Scope of a pair of versions; null: answers without a pair. */
export function scopeOf(live: number, shadow: number | null): string {
  return `${live}~${shadow ?? ''}`;
}

export function parseScope(scope: string): { readonly live: number; readonly shadow: number | null } {
  const [live = '', shadow = ''] = scope.split('~');
  return { live: Number(live), shadow: shadow === '' ? null : Number(shadow) };
}

export class Comparison {
  readonly join: Join;
  readonly #options: ComparisonOptions;
  readonly #ids = new LabelIds();
  #states: Record<string, MetricStates>;
  readonly #examples: Examples<Example>;
  readonly #windows = new Map<string, Changes['windows'][number]>();
  /** The one that the last answer was counted in: so will the next, most of the time. */
  #window: OpenWindow | null = null;
  #newExamples: Example[] = [];

  constructor(options: ComparisonOptions, saved: SavedComparison = COMPARISON_START) {
    this.#options = options;
    this.#states = { ...saved.states };
    this.#examples = new Examples(saved.examples);
    this.join = new Join(
      {
        ...options,
        onMatch: (match) => this.#onMatch(match),
        onLabel: (labelled, label) =>
          addLabelTo(this.#windowOf(labelled, labelled.live.timestampMs), labelled, label, options.fields),
      },
      saved.join,
    );
  }

  /** @param id request id where it is not the request's place, else null */
  addLive(source: number, placed: Placed, id: string | null): void {
    if (id !== null) for (const label of this.#ids.note(id, source)) this.join.addLabel(source, label, 'held');
    this.join.addLive(source, placed);
  }

  addLabel(
    of: number | string,
    label: { readonly offset: number; readonly values: readonly number[]; readonly requestsEnd: number },
  ): void {
    const source = typeof of === 'number' ? of : this.#ids.sourceOf(of);
    if (source !== null) this.join.addLabel(source, label, typeof of === 'number' ? 'source' : 'id');
    else if (typeof of === 'string') this.#ids.hold(of, label);
  }

  /** What was added since the last time, now part of the totals. */
  take(): Changes {
    const windows = [...this.#windows.values()].map((window) => ({ ...window, states: fitted(window.states) }));
    this.#windows.clear();
    this.#window = null;
    // First by scope: after an outage there are hundreds of windows, and totals may be large. What was counted last stands last.
    const added = new Map<string, MetricStates>();
    for (const { scope, states } of windows) {
      const sum = added.get(scope);
      added.delete(scope);
      added.set(scope, sum === undefined ? states : mergeStates(sum, states));
    }
    for (const [scope, states] of added) {
      const before = this.#states[scope];
      delete this.#states[scope];
      this.#states[scope] = fitted(before === undefined ? states : mergeStates(before, states));
    }
    const examples = this.#newExamples;
    this.#newExamples = [];
    return { windows, examples };
  }

  /** The totals, without what `take` has not taken. */
  saved(): SavedComparison {
    const join = this.join.state();
    this.#ids.forget(join.removed);
    return { join, states: this.#states, examples: this.#examples.items() };
  }

  /** Counts of these scopes begin anew: what is not on record must not be counted on by its owner alone. */
  drop(scopes: readonly string[]): void {
    for (const scope of scopes) delete this.#states[scope];
  }

  #onMatch(match: Match): void {
    const { compared } = match;
    const { fields } = this.#options;
    addTo(this.#windowOf(compared, match.live.timestampMs), compared, fields);
    if (compared.shadow === null) return;
    const disagreement = disagreementOf(compared, fields);
    const source = `${this.#options.partition}@${match.source}`;
    const why = this.#examples.wants({ source, disagreement });
    if (why === null) return;
    const example = this.#exampleOf(match, { source, disagreement, why });
    this.#examples.add(example);
    this.#newExamples.push(example);
  }

  /** @param timestampMs of the live answer */
  #windowOf({ live, shadow }: Versions, timestampMs: number): MetricStates {
    const { windowMs } = this.#options;
    const startMs = Math.floor(timestampMs / windowMs) * windowMs;
    const versions = { live: live.version, shadow: shadow?.version ?? null };
    const last = this.#window;
    if (last?.startMs === startMs && last.live === versions.live && last.shadow === versions.shadow) return last.states;
    const scope = scopeOf(versions.live, versions.shadow);
    const key = `${scope}@${startMs}`;
    const states = this.#windows.get(key)?.states ?? emptyStates();
    this.#windows.set(key, { scope, startMs, states });
    this.#window = { ...versions, startMs, states };
    return states;
  }

  #exampleOf(
    { source: offset, live, shadow, compared }: Match,
    of: Pick<Example, 'source' | 'disagreement' | 'why'>,
  ): Example {
    const { partition, topics, fields } = this.#options;
    return {
      ...of,
      liveVersion: compared.live.version,
      shadowVersion: compared.shadow?.version ?? 0,
      live: firstRow(compared.live, fields),
      shadow: compared.shadow === null ? [] : firstRow(compared.shadow, fields),
      chosen: {
        live: chosenOf(compared.live, fields),
        shadow: compared.shadow === null ? [] : chosenOf(compared.shadow, fields),
      },
      at: {
        request: { topic: topics.requests, partition, offset },
        prediction: { topic: topics.predictions, partition, offset: live.offset },
        shadow: shadow === null ? null : { topic: topics.shadow, partition, offset: shadow.offset },
      },
    };
  }
}
