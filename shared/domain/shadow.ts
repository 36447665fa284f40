// Shadow: a version that scores copies of the requests and never answers; what users say of one, and what a plan says.
// Flow: rollout (`shadow`, `shadows`) → controller resolves versions and times → RoutePlan.shadows → shadow, comparator.
// Invariant: which requests are sampled is a pure function of endpoint and request id, the same for every shadow: so the
//            comparator knows what to expect, and a candidate and the noise baseline score the same requests.

import { z } from 'zod';
import { BUCKETS, bucketOf, saltSeed } from './bucket.ts';
import type { Bytes } from './record.ts';

const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time is HH:MM, 00:00 to 23:59');
export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

/** From `from` to `to` on the clock of the gate's time zone; past midnight when `to` is not later. */
const windowSchema = z.strictObject({
  /** Days on which it begins; none: every day. */
  days: z.array(z.enum(WEEKDAYS)).max(WEEKDAYS.length).readonly().default([]),
  from: clockTime,
  to: clockTime,
});
export type TimeWindow = Readonly<z.infer<typeof windowSchema>>;

export const GATES = ['always', 'windows', 'low-lag', 'batch'] as const;

/** When a shadow may score. What it may not score now it scores later: the log keeps it. */
export const gateSchema = z
  .strictObject({
    /**
     * `windows`: within one of `windows`. `low-lag`: while fewer than `maxLiveLag` live requests wait. `batch`: once per
     * window, what lay there when it began.
     */
    kind: z.enum(GATES).default('always'),
    /** IANA name. */
    timeZone: z.string().max(64).refine(isTimeZone, 'there is no such time zone').default('UTC'),
    windows: z.array(windowSchema).max(32).readonly().default([]),
    /** Requests that wait on the live road, in all partitions. */
    maxLiveLag: z.int().min(0).default(1_000),
  })
  .refine(
    ({ kind, windows }) => (kind === 'windows' || kind === 'batch') === windows.length > 0,
    'windows belong to the kinds windows and batch, which need at least one',
  );
export type Gate = Readonly<z.infer<typeof gateSchema>>;

const from = z.int().min(0).default(0);

/** |shadow − live| ≤ atol + rtol · |live| is agreement. */
const toleranceSchema = z.strictObject({
  /** Name of an output, or `*` for those that are not named. */
  output: z.string().min(1).max(128),
  atol: z.number().min(0),
  rtol: z.number().min(0),
});

const common = {
  /** Part of the requests that is scored, basis points. */
  sampleBp: z.int().min(0).max(BUCKETS).default(BUCKETS),
  gate: gateSchema.prefault({}),
  /** Records behind the end of a partition from which on a shadow drops, and counts what it drops. */
  maxLag: z.int().min(1).default(1_000_000),
  tolerances: z.array(toleranceSchema).max(32).readonly().default([]),
};

export const FROMS = ['rollout', 'now', 'timestamp', 'offset'] as const;

/** What a user says of a shadow. */
export const shadowOptionsSchema = z
  .strictObject({
    ...common,
    /** Where it begins in every partition: `at` is milliseconds since the epoch, or an offset. */
    from: z.strictObject({ kind: z.enum(FROMS).default('rollout'), at: from }).prefault({}),
    /** Part of the requests that the incumbent scores a second time, so that its own noise is known. */
    baselineBp: z.int().min(0).max(BUCKETS).default(0),
  })
  .prefault({});
export type ShadowOptions = Readonly<z.infer<typeof shadowOptionsSchema>>;

/** A shadow beside another strategy. */
export const extraShadowSchema = shadowOptionsSchema.unwrap().extend({ candidate: z.int().min(1) });

/** What a plan says of a shadow. */
export const planShadowSchema = z.strictObject({
  version: z.int().min(1),
  digest: z.string(),
  ...common,
  from: z.strictObject({ kind: z.enum(['now', 'timestamp', 'offset']).default('now'), at: from }).prefault({}),
});
export type PlanShadow = Readonly<z.infer<typeof planShadowSchema>>;

export const MARKS = ['begun', 'skipped', 'done'] as const;

/**
 * What a shadow says of its progress in one partition, on `E.shadow` among its outputs. `begun`: it owns the partition from
 * `to` on; the first one says where the comparison begins. `skipped`: it passed over [from, to). `done`: whatever it scores
 * before `to` is on record.
 */
export const shadowMarkSchema = z.strictObject({
  endpoint: z.string(),
  rollout: z.string(),
  version: z.int().min(1),
  partition: z.int().min(0),
  kind: z.enum(MARKS),
  from: z.int().min(0),
  to: z.int().min(0),
  /** Of `begun`: no answer to a request behind `to` is older, milliseconds since the epoch. */
  sinceMs: z.int().min(0),
  /** Of `begun`: what is scored, so that whoever compares needs to know nothing else. */
  terms: z.strictObject({ digest: z.string(), sampleBp: common.sampleBp, tolerances: common.tolerances }).nullable(),
  atMs: z.int().min(0),
});
export type ShadowMark = Readonly<z.infer<typeof shadowMarkSchema>>;

/** Shadows of one plan, noise baseline included. */
export const SHADOWS_MAX = 16;

/** The requests of an endpoint that shadows with `sampleBp` score; a larger sample holds every smaller one. */
export function samplerOf(endpoint: string, sampleBp: number): (requestId: Bytes) => boolean {
  const seed = saltSeed(`shadow/${endpoint}`);
  return (requestId) => sampleBp >= BUCKETS || bucketOf(seed, requestId) < sampleBp;
}

// Asking takes long, and every plan of a topic that is read asks again. A cache, so purity is not lost.
const timeZones = new Map<string, boolean>();
const TIME_ZONES_MAX = 1_024;

function isTimeZone(name: string): boolean {
  const known = timeZones.get(name);
  if (known !== undefined) return known;
  let found = true;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
  } catch {
    found = false;
  }
  if (timeZones.size < TIME_ZONES_MAX) timeZones.set(name, found);
  return found;
}
