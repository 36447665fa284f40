// Trail: everything the topics hold about one request: where it was routed, what answered, what was set aside.
// Flow: audit.ts gathers records of one source → [Trail] → checks/*.ts judge it once it is whole, or at the end.

import { HEADER, headerText } from '../domain/headers.ts';
import type { InRecord, Source } from '../domain/record.ts';
import type { RouteDecision } from '../domain/route.ts';
import type { Lane } from '../domain/route-plan.ts';

export interface Trail {
  readonly source: Source;
  /** Null until the request itself was read. */
  request: RequestFacts | null;
  /** Committed lane records, in the order read. */
  readonly hops: Hop[];
  readonly answers: Answer[];
  readonly letters: Letter[];
}

export interface RequestFacts {
  readonly atMs: number;
  /** What the cuts on record say; null while no plan routes the request. */
  readonly decision: RouteDecision | null;
  /** Hash of the payload; −1 for null. */
  readonly valueHash: number;
}

/** One lane record. */
export interface Hop {
  readonly lane: Lane;
  readonly offset: number;
  readonly version: number;
  readonly digest: string;
  readonly plan: number;
  readonly bucket: number;
  readonly rescuedFrom: RescuedFrom | null;
}

/** A prediction or an error answer. */
export interface Answer {
  readonly offset: number;
  readonly atMs: number;
  readonly version: number;
  readonly digest: string;
  readonly rescuedFrom: RescuedFrom | null;
  /** Error code, or null for a model's answer. */
  readonly error: string | null;
  /** Rollout whose shadow wrote it; null on everything that may be served. */
  readonly shadow: string | null;
}

export interface Letter {
  readonly offset: number;
  readonly code: string;
  readonly stage: string;
  readonly valueHash: number;
}

/** Header `version:REASON_CODE`. */
export interface RescuedFrom {
  readonly version: number;
  readonly reason: string;
}

export function newTrail(source: Source): Trail {
  return { source, request: null, hops: [], answers: [], letters: [] };
}

export function hopOf(lane: Lane, record: InRecord): Hop {
  return {
    lane,
    offset: record.offset,
    ...modelOf(record),
    plan: Number(headerText(record.headers, HEADER.plan) ?? Number.NaN),
    bucket: Number(headerText(record.headers, HEADER.bucket) ?? Number.NaN),
    rescuedFrom: rescuedFromOf(record),
  };
}

export function answerOf(record: InRecord): Answer {
  return {
    offset: record.offset,
    atMs: record.timestampMs,
    ...modelOf(record),
    rescuedFrom: rescuedFromOf(record),
    error: headerText(record.headers, HEADER.error),
    shadow: headerText(record.headers, HEADER.shadow),
  };
}

function modelOf({ headers }: InRecord): { version: number; digest: string } {
  return {
    version: Number(headerText(headers, HEADER.version) ?? Number.NaN),
    digest: headerText(headers, HEADER.digest) ?? '',
  };
}

function rescuedFromOf({ headers }: InRecord): RescuedFrom | null {
  const text = headerText(headers, HEADER.rescuedFrom);
  if (text === null) return null;
  const [version, reason = ''] = text.split(':', 2);
  return { version: Number(version), reason };
}

/** The hop by which the request first reached a lane. */
export function firstHop(trail: Trail): Hop | undefined {
  return trail.hops.find((hop) => hop.rescuedFrom === null);
}

/** Whether nothing more is to come: request, the hops that its outcome rests on, and the outcome itself are there. */
export function isWhole(trail: Trail): boolean {
  const [answer] = trail.answers;
  if (trail.request === null || answer === undefined) return false;
  if (answer.error !== null) {
    const [letter] = trail.letters;
    if (letter === undefined) return false;
    if (letter.stage === 'router') return true;
  }
  if (firstHop(trail) === undefined) return false;
  return answer.rescuedFrom === null || trail.hops.some((hop) => hop.rescuedFrom !== null);
}
