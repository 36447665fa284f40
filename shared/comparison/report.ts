// Report: what a comparison shows, from merged states: the same for a live shadow, a replay and a canary.
// Flow: E.totals → merged → [reportOf] → CLI table, JSON, HTML page, demo.

import type { JoinCounts } from '../domain/comparison.ts';

/** One histogram as a picture needs it: ascending edges, `counts[i]` of values in (edges[i], edges[i + 1]]. */
export interface Bars {
  readonly edges: readonly number[];
  readonly live: readonly number[];
  readonly shadow: readonly number[];
}

export interface Quantiles {
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
}

/** Distances between the two sides' distributions, each net of what chance makes, at least 0; null without enough data. */
export interface Drift {
  readonly psi: number | null;
  readonly js: number | null;
  readonly ks: number | null;
  readonly w1: number | null;
}

/** One field of the outputs. */
export interface FieldReport {
  readonly name: string;
  readonly kind: 'classes' | 'number' | 'label';
  /** Share of pairs whose values agree within tolerance. */
  readonly agreement: number | null;
  /** Share of rows with the same class or label, and Cohen's kappa; null for numbers. */
  readonly sameClass: number | null;
  readonly kappa: number | null;
  /**
   * Rows by live class (first) and shadow class, for at most the 32 commonest classes; empty for numbers.
   * Without a shadow there is no confusion.
   */
  readonly classes: readonly number[];
  readonly confusion: readonly (readonly number[])[];
  /** Rows by class of `classes` on each side, and the distances between the mixes of all classes; empty for numbers. */
  readonly mix: {
    readonly live: readonly number[];
    readonly shadow: readonly number[];
    readonly psi: number | null;
    readonly js: number | null;
  };
  /** Distribution of the class's score, or of the number. */
  readonly scores: Bars;
  /** Of `scores`; of the mix for labels, which have none. */
  readonly drift: Drift;
  /** |shadow − live| of the score or the number. */
  readonly difference: Quantiles;
}

export interface SideReport {
  readonly version: number;
  readonly answers: number;
  /** Error answers by code. */
  readonly errors: Readonly<Record<string, number>>;
  /** Microseconds in the model's process. */
  readonly scoringUs: Quantiles;
  /** Share of labelled rows that are right; null without labels. */
  readonly accuracy: number | null;
  /** |answer − label| of numbers. */
  readonly labelError: Quantiles;
}

/** The class that one side chose in one field, and its score; null for fields without classes. */
export type Chosen = { readonly class: number; readonly score: number } | null;

/** A pair that people should look at. */
export interface Example {
  readonly source: string;
  /** 0 none … 1 total disagreement. */
  readonly disagreement: number;
  /** `worst`: among the largest; `sample`: drawn by a hash of the source. */
  readonly why: 'worst' | 'sample';
  readonly liveVersion: number;
  readonly shadowVersion: number;
  /** Per field, first row only, at most 32 values, and 64 of all fields. */
  readonly live: readonly (readonly number[])[];
  readonly shadow: readonly (readonly number[])[];
  /** Of the same row, which may have more values than that. Where it was not kept yet, `savedOf` finds it, or null. */
  readonly chosen?: { readonly live: readonly Chosen[]; readonly shadow: readonly Chosen[] };
  /** Where its request, prediction and shadow output lie. */
  readonly at: {
    readonly request: { readonly topic: string; readonly partition: number; readonly offset: number };
    readonly prediction: { readonly topic: string; readonly partition: number; readonly offset: number };
    readonly shadow: { readonly topic: string; readonly partition: number; readonly offset: number } | null;
  };
}

/** One live version against one shadow version, or one live version alone. */
export interface PairReport {
  readonly live: SideReport;
  readonly shadow: SideReport | null;
  /** Answers on both sides. */
  readonly pairs: number;
  /** Share of pairs without errors whose every field agrees within tolerance. */
  readonly agreement: number | null;
  readonly fields: readonly FieldReport[];
  /** Latency of both sides, microseconds. */
  readonly scoringBars: Bars;
  readonly labelledRows: number;
  /** How coarsely it was counted, 0 … 12: each level has places of histograms twice as wide, and tells half of the classes apart. */
  readonly level: number;
}

export interface ComparisonReport {
  readonly endpoint: string;
  /** Rollout and shadow version, `replay`, or `live` for the versions without a pair. */
  readonly run: string;
  readonly counts: JoinCounts;
  /** matched ÷ (matched + missing + skipped): neither a missing partner nor what the shadow passed over is agreement. */
  readonly coverage: number | null;
  /** Per pair of versions, the one with the most pairs first. */
  readonly pairs: readonly PairReport[];
  /** Worst first, then the sample. */
  readonly examples: readonly Example[];
}
