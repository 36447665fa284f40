// Evolve: the state after one more event. The only place where controller state changes.
// Flow: journal → evolve → state, at start-up for every event and afterwards for each new one.
// Invariant: total over what `decide` writes; asks no strategy, so that an old journal means the same for ever.

import { assert } from '../../../shared/domain/errors.ts';
import type { RolloutEvent } from '../../../shared/domain/event.ts';
import { type Lane, type ModelRef, otherLane } from '../../../shared/domain/route-plan.ts';
import { restoreSnapshot } from './snapshot.ts';
import {
  advance,
  type ControllerState,
  type DefinedEndpoint,
  type EndpointState,
  KEYS_SEEN_MAX,
  type RolloutState,
} from './state.ts';

/** @throws ASSERTION when the event does not follow from the state: someone else wrote to the journal. */
export function evolve(state: ControllerState, event: RolloutEvent): ControllerState {
  if (event.type === 'snapshot') return restoreSnapshot(state, event);
  const consumed =
    event.consumed === null ? state.consumed : advance(state.consumed, event.consumed.topic, event.consumed.offset);
  const sinceSnapshot = state.sinceSnapshot + 1;
  const before = state.endpoints.get(event.endpoint) ?? null;
  if (event.seq === 0) {
    assert(before === null, `event 0 of ${event.endpoint}, which has a journal`);
    return { ...state, consumed, sinceSnapshot };
  }
  assert(event.seq === (before?.seq ?? 0) + 1, `event ${event.seq} of ${event.endpoint} follows ${before?.seq ?? 0}`);
  const after = evolveEndpoint(before, event);
  const endpoints = new Map(state.endpoints).set(event.endpoint, { ...after, seq: event.seq });
  return { endpoints, consumed, sinceSnapshot };
}

function evolveEndpoint(before: EndpointState | null, event: RolloutEvent): EndpointState {
  if (event.type === 'endpoint-defined') return define(before, event.settings);
  assert(before !== null, `${event.type} of ${event.endpoint}, which was never defined`);
  if (before.kind === 'removed') {
    const idle = ['endpoint-refused', 'rollout-refused', 'command-refused', 'noted'].includes(event.type);
    assert(idle, `${event.type} of ${event.endpoint}, which is removed`);
    return before;
  }
  return remember(evolveDefined(before, event), event.idempotencyKey);
}

function evolveDefined(state: DefinedEndpoint, event: RolloutEvent): EndpointState {
  switch (event.type) {
    case 'endpoint-removed':
      return { kind: 'removed', seq: state.seq, revision: state.revision, rollouts: state.rollouts };
    case 'rollout-accepted': {
      const { rollout: id, spec, candidate, lane, signature, shadows, atMs: acceptedAtMs } = event;
      const rollout: RolloutState = { phase: 'loading', id, spec, candidate, lane, signature, acceptedAtMs, shadows };
      return { ...bind(state, lane, candidate), revoked: [], rollouts: state.rollouts + 1, rollout };
    }
    case 'candidate-ready':
    case 'weight-set':
      return { ...state, rollout: weigh(state.rollout, event.weightBp) };
    case 'candidate-failed':
      return end(state, 'failed');
    case 'promoted':
      return promote(state, event.keepsIncumbent);
    case 'aborted':
      return abort(state);
    case 'lane-drained':
      return drained(state);
    case 'plan-published':
      return { ...state, plan: event.plan, revision: event.plan.revision, rollout: stop(state, event.plan.revision) };
    case 'endpoint-defined':
    case 'endpoint-refused':
    case 'rollout-refused':
    case 'rollout-completed':
    case 'command-refused':
    case 'noted':
    case 'snapshot':
      return state;
  }
}

function define(before: EndpointState | null, settings: DefinedEndpoint['settings']): DefinedEndpoint {
  const signature = settings.signature ?? null;
  if (before?.kind === 'defined') {
    const adopted = before.incumbent === null ? null : before.signature;
    return { ...before, settings, signature: signature ?? adopted };
  }
  return {
    kind: 'defined',
    seq: before?.seq ?? 0,
    revision: before?.revision ?? 0,
    rollouts: before?.rollouts ?? 0,
    settings,
    signature,
    lanes: { blue: null, green: null },
    incumbent: null,
    revoked: [],
    plan: null,
    rollout: { phase: 'none' },
    keysSeen: [],
  };
}

function weigh(rollout: RolloutState, weightBp: number): RolloutState {
  const { phase } = rollout;
  assert(phase === 'loading' || phase === 'ready' || phase === 'serving', `a weight while ${phase}`);
  const core = coreOf(rollout);
  return weightBp === 0 && phase !== 'serving' ? { ...core, phase: 'ready' } : { ...core, phase: 'serving', weightBp };
}

function promote(state: DefinedEndpoint, keepsIncumbent: boolean): DefinedEndpoint {
  const core = coreOf(state.rollout);
  const promoted = { ...state, incumbent: core.lane, signature: state.signature ?? core.signature };
  if (state.incumbent === null) return { ...promoted, rollout: { ...core, phase: 'promoted', keepsIncumbent: false } };
  const rollout: RolloutState = {
    ...core,
    phase: 'promoted-draining',
    draining: state.incumbent,
    stopRevision: null,
    keepsIncumbent,
  };
  return { ...promoted, rollout };
}

/**
 * A candidate that never served leaves at once; any other is revoked, and its lane runs empty first. It stays revoked until
 * the next rollout: a scorer that has not seen the newest plan may still send a rescue to it.
 */
function abort(state: DefinedEndpoint): DefinedEndpoint {
  const { rollout } = state;
  if (rollout.phase === 'loading' || rollout.phase === 'ready') return end(state, 'aborted');
  const core = coreOf(rollout);
  const incumbent = rollout.phase === 'serving' ? state.incumbent : otherLane(core.lane);
  assert(incumbent !== null && state.lanes[incumbent] !== null, `abort while ${rollout.phase} without a way back`);
  return {
    ...state,
    incumbent,
    revoked: [core.candidate],
    rollout: { ...core, phase: 'aborted-draining', draining: core.lane, stopRevision: null },
  };
}

function drained(state: DefinedEndpoint): DefinedEndpoint {
  const { rollout } = state;
  if (rollout.phase === 'promoted-draining') {
    const { keepsIncumbent } = rollout;
    const released = keepsIncumbent ? state : bind(state, rollout.draining, null);
    return { ...released, rollout: { ...coreOf(rollout), phase: 'promoted', keepsIncumbent } };
  }
  assert(rollout.phase === 'aborted-draining', `lane drained while ${rollout.phase}`);
  return end(state, 'aborted');
}

function end(state: DefinedEndpoint, phase: 'aborted' | 'failed'): DefinedEndpoint {
  const core = coreOf(state.rollout);
  return { ...bind(state, core.lane, null), rollout: { ...core, phase } };
}

/** The first plan after a promotion or an abort is the one that stops routing to the draining lane. */
function stop(state: DefinedEndpoint, revision: number): RolloutState {
  const { rollout } = state;
  const waits = rollout.phase === 'promoted-draining' || rollout.phase === 'aborted-draining';
  return waits && rollout.stopRevision === null ? { ...rollout, stopRevision: revision } : rollout;
}

function bind(state: DefinedEndpoint, lane: Lane, model: ModelRef | null): DefinedEndpoint {
  return { ...state, lanes: { ...state.lanes, [lane]: model } };
}

function coreOf(rollout: RolloutState) {
  assert(rollout.phase !== 'none', 'there is no rollout');
  const { id, spec, candidate, lane, signature, acceptedAtMs, shadows } = rollout;
  return { id, spec, candidate, lane, signature, acceptedAtMs, shadows };
}

function remember(state: EndpointState, key: string | null): EndpointState {
  if (key === null || state.kind === 'removed' || state.keysSeen.at(-1) === key) return state;
  return { ...state, keysSeen: [...state.keysSeen, key].slice(-KEYS_SEEN_MAX) };
}
