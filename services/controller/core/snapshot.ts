// Snapshot: the whole state as events, so that a new leader reads the tail of the journal and not all of it.
// Shape: part 0 has no endpoint, carries the positions and how many parts follow, and empties the state; then one part
//        per endpoint. All parts are written in one transaction, so a reader sees all of them or none.
// Invariant: folding a snapshot over the state that it was made of changes nothing but `sinceSnapshot`.

import { z } from 'zod';
import { assert } from '../../../shared/domain/errors.ts';
import { EVENT_BLANK, type RolloutEvent, rolloutEventSchema } from '../../../shared/domain/event.ts';
import { type ControllerState, endpointStateSchema, phaseOf, positionsSchema, rolloutIdOf } from './state.ts';

/** Events between snapshots. */
export const SNAPSHOT_EVENTS = 500;

const headSchema = z.strictObject({ parts: z.int().min(0), consumed: positionsSchema });

type SnapshotEvent = Extract<RolloutEvent, { type: 'snapshot' }>;

/** Whether `event` begins a snapshot: folding may start here, from the empty state. */
export function beginsSnapshot(event: RolloutEvent): boolean {
  return event.type === 'snapshot' && event.endpoint === '';
}

/** The events of a snapshot of `state`, part 0 first. */
export function snapshotEvents(state: ControllerState, nowMs: number): RolloutEvent[] {
  const head = { parts: state.endpoints.size, consumed: state.consumed };
  const parts = [...state.endpoints].map(([endpoint, { seq, ...rest }]) => {
    const text = JSON.stringify({ ...rest, seq: seq + 1 });
    return snapshotEvent(state, { endpoint, seq: seq + 1, nowMs, text });
  });
  return [snapshotEvent(state, { endpoint: '', seq: 0, nowMs, text: JSON.stringify(head) }), ...parts];
}

/** @throws ASSERTION or a schema error when the snapshot is not one that we wrote. */
export function restoreSnapshot(state: ControllerState, event: SnapshotEvent): ControllerState {
  const value: unknown = JSON.parse(event.snapshot);
  if (beginsSnapshot(event)) {
    return { endpoints: new Map(), consumed: headSchema.parse(value).consumed, sinceSnapshot: 0 };
  }
  const restored = endpointStateSchema.parse(value);
  assert(restored.seq === event.seq, `snapshot of ${event.endpoint} is of event ${restored.seq}, not ${event.seq}`);
  return { ...state, endpoints: new Map(state.endpoints).set(event.endpoint, restored) };
}

function snapshotEvent(
  state: ControllerState,
  part: { readonly endpoint: string; readonly seq: number; readonly nowMs: number; readonly text: string },
): RolloutEvent {
  return rolloutEventSchema.parse({
    ...EVENT_BLANK,
    type: 'snapshot',
    endpoint: part.endpoint,
    seq: part.seq,
    atMs: part.nowMs,
    rollout: rolloutIdOf(state, part.endpoint),
    phase: phaseOf(state, part.endpoint),
    message: 'state of the controller',
    snapshot: part.text,
  });
}
