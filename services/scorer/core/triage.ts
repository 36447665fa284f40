// Triage: what is to be done with one lane record, before anything is scored.
// Flow: E.lane.<colour> → [triage] → score, rescue or refuse.
// Invariant: the answering version is the one in the record's headers, never the lane's present assignment.

import { MillraceError } from '../../../shared/domain/errors.ts';
import { HEADER, headerText } from '../../../shared/domain/headers.ts';
import type { InRecord } from '../../../shared/domain/record.ts';
import { LANES, type Lane, type ModelRef, type RoutePlan, sameModel } from '../../../shared/domain/route-plan.ts';

/** What the router wrote on a lane record. */
export interface Routing {
  readonly model: ModelRef;
  readonly lane: Lane;
  /** A rescue is never rescued again. */
  readonly rescued: boolean;
}

export type Triage =
  | { readonly kind: 'score'; readonly routing: Routing }
  | { readonly kind: 'rescue'; readonly routing: Routing; readonly to: RescueTarget; readonly error: MillraceError }
  | { readonly kind: 'refuse'; readonly error: MillraceError };

/** Who answers instead: the incumbent's lane and version. */
export interface RescueTarget {
  readonly lane: Lane;
  readonly model: ModelRef;
}

/** @param plan newest plan of the endpoint, for revocations and the incumbent's lane */
export function triage(
  record: InRecord,
  plan: RoutePlan | undefined,
  at: { readonly endpoint: string; readonly nowMs: number },
): Triage {
  const routing = routingOf(record);
  if (routing === null) {
    return {
      kind: 'refuse',
      error: new MillraceError('REQUEST_UNREADABLE', { detail: 'the routing headers are missing' }),
    };
  }
  const deadlineMs = deadlineOf(record);
  if (deadlineMs !== null && at.nowMs > deadlineMs) {
    return { kind: 'refuse', error: new MillraceError('EXPIRED', { deadlineMs, nowMs: at.nowMs }) };
  }
  if (plan?.revoked.some((model) => sameModel(model, routing.model))) {
    const error = new MillraceError('VERSION_REVOKED', { version: routing.model.version, endpoint: at.endpoint });
    const to = rescueTarget(plan, routing);
    return to === null ? { kind: 'refuse', error } : { kind: 'rescue', routing, to, error };
  }
  return { kind: 'score', routing };
}

/**
 * Where a record goes that its version could not answer; null when there is nobody else to answer it:
 * it is a rescue already, or the version is the incumbent itself.
 */
export function rescueTarget(plan: RoutePlan | undefined, routing: Routing): RescueTarget | null {
  if (plan === undefined || plan.incumbent === null || routing.rescued) return null;
  const model = plan.lanes[plan.incumbent];
  if (model === null || sameModel(model, routing.model)) return null;
  return { lane: plan.incumbent, model };
}

/** Routing headers of a lane record, or null when they are not there or not sound. */
export function routingOf(record: InRecord): Routing | null {
  const version = Number(headerText(record.headers, HEADER.version));
  const digest = headerText(record.headers, HEADER.digest);
  const laneName = headerText(record.headers, HEADER.lane);
  const lane = LANES.find((known) => known === laneName);
  if (!Number.isSafeInteger(version) || version < 1 || digest === null || lane === undefined) return null;
  return { model: { version, digest }, lane, rescued: headerText(record.headers, HEADER.rescuedFrom) !== null };
}

/** Deadline header, milliseconds since the epoch; anything that is no such number is no deadline. */
function deadlineOf(record: InRecord): number | null {
  const text = headerText(record.headers, HEADER.deadline);
  if (text === null || !/^\d{1,15}$/.test(text)) return null;
  return Number(text);
}
