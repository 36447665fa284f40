// Comparison records: what the comparator writes: totals (its own memory, and people's), metric windows, examples, keyed labels.
// Flow: comparator → E.totals, millrace.metrics, E.comparisons, E.keyed-labels; users → E.labels.
// Terms: run = one shadow of one rollout, or `live`: the answers of every version without a pair. Scope = `live~shadow`, the
//        two versions of a pair, or `live~` for answers without one.
// Invariant: counts add up: totals over partitions, windows over commits. `states` is JSON of shared/comparison's metrics,
//            so that a new metric changes no schema.

import { z } from 'zod';

const count = z.int().min(0);
const place = z.strictObject({ topic: z.string(), partition: count, offset: count });
/** Sources that one side remembers as late. */
export const LATE_MAX = 1_000;
/** Ticks of a run that are on record: the newest. */
export const TICKS_MAX = 256;
const ROWS_MAX = 1_024;

/** Avro's arrays of doubles come as typed arrays. */
const numbers = z.preprocess(
  (value) => (value instanceof Float64Array ? [...value] : value),
  z.array(z.number()).min(1).max(ROWS_MAX).readonly(),
);

/** What a user says to be true: one value per row, a class, a label or a number. The key is a source or a request id. */
export const labelSchema = z.strictObject({ values: numbers });
export type Label = Readonly<z.infer<typeof labelSchema>>;

/** A label in the partition of its request. One that names a request id is in every partition: one of them knows the id. */
export const keyedLabelSchema = z.strictObject({
  /** Offset of the request in its partition, or −1. */
  offset: z.int().min(-1),
  /** Request id, when it was named by that; else empty. */
  requestId: z.string().max(1_024),
  values: labelSchema.shape.values,
  /** End of the partition's requests when the label was keyed: what follows later cannot make it late. */
  requestsEnd: count,
});
export type KeyedLabel = Readonly<z.infer<typeof keyedLabelSchema>>;

const sideSchema = z.strictObject({
  position: count,
  rewind: count,
  high: z.int().min(-1),
  closed: count,
  late: z.array(count).max(LATE_MAX).readonly(),
});

/** What a join counts, per run. All counts are sources. */
export const joinCountsSchema = z.strictObject({
  /** Both sides are there. */
  matched: count,
  /** The shadow has an outcome, the live side none in time. */
  missingLive: count,
  /** The live side has an answer that was to be sampled, the shadow none in time. */
  missingShadow: count,
  /** Came after its place in the join was given up; labels too. */
  late: count,
  duplicate: count,
  /** The shadow passed them over: its lag was over the limit. */
  skipped: count,
  /** Records that cannot be read as an answer. */
  unreadable: count,
  labelled: count,
});
export type JoinCounts = Readonly<z.infer<typeof joinCountsSchema>>;

/** Where one partition of one run stands. Key: `rollout/version`. */
export const totalsSchema = z.strictObject({
  endpoint: z.string(),
  /** Rollout of the shadow; empty for `live`. */
  rollout: z.string(),
  /** Version that shadows; 0 for `live`. */
  version: count,
  digest: z.string(),
  partition: count,
  sampleBp: count,
  /** How outputs are compared, JSON text. */
  terms: z.string(),
  live: sideSchema,
  shadow: sideSchema,
  labels: z.strictObject({ position: count, rewind: count }),
  /** First source that is compared, or −1. */
  begun: z.int().min(-1),
  /** Answers that the comparison looks for are not older, milliseconds since the epoch. */
  sinceMs: count,
  done: count,
  skipped: z
    .array(z.strictObject({ from: count, to: count }))
    .max(LATE_MAX)
    .readonly(),
  /** When what had no partner was decided although no window had passed it: where both inputs stood, and what was closed. */
  ticks: z
    .array(z.strictObject({ liveOffset: count, shadowOffset: count, liveClosed: count, shadowClosed: count }))
    .max(TICKS_MAX)
    .readonly()
    .default([]),
  decided: count,
  removed: count,
  counts: joinCountsSchema,
  /** Metric states by scope, JSON text. */
  states: z.string(),
  /** Examples, JSON text. */
  examples: z.string(),
  /** No plan names the run any more, and all of it is counted. */
  ended: z.boolean(),
  atMs: count,
});
export type Totals = Readonly<z.infer<typeof totalsSchema>>;

/**
 * What one commit adds to one window: metric states of one scope, or, in a record of its own, the join's counts of the run.
 * Key: `endpoint/rollout/scope/start`.
 */
export const metricWindowSchema = z.strictObject({
  endpoint: z.string(),
  rollout: z.string(),
  /** Version that answered; 0: nobody did, the router refused. 0 with counts: what is missing has no version. */
  live: count,
  /** Version that shadows. Null for answers without a pair. */
  shadow: z.int().min(1).nullable(),
  partition: count,
  /** By the broker's time of the live answers; with counts, by when they were counted. Milliseconds since the epoch. */
  startMs: count,
  windowMs: z.int().min(1),
  /** Metric states, JSON text: to be merged with the others of the window. Empty with counts: `{}`. */
  states: z.string(),
  /** To be added to the others of the run: the sum is that of its totals as far as retention and the first version with counts go back. */
  counts: joinCountsSchema.optional(),
});
export type MetricWindow = Readonly<z.infer<typeof metricWindowSchema>>;

const columns = z.array(z.strictObject({ values: numbers })).readonly();

/** A pair that people should look at. Key: the source. */
export const comparisonSchema = z.strictObject({
  endpoint: z.string(),
  rollout: z.string(),
  source: z.string(),
  /** 0 none … 1 total. */
  disagreement: z.number(),
  /** `worst`: among the largest of its partition when it was written; `sample`: drawn by a hash of its source. */
  why: z.enum(['worst', 'sample']),
  liveVersion: count,
  shadowVersion: z.int().min(1),
  /** Per output, the first row, at most 32 values, and 64 of all outputs: among them the largest need not be. */
  live: columns,
  shadow: columns,
  request: place,
  prediction: place,
  shadowOutput: place,
});
export type Comparison = Readonly<z.infer<typeof comparisonSchema>>;

/** Run of a totals record: its key. */
export function runKey({ rollout, version }: { readonly rollout: string; readonly version: number }): string {
  return rollout === '' ? 'live' : `${rollout}/${version}`;
}
