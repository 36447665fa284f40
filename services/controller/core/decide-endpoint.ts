// DecideEndpoint: an endpoint comes, changes or goes.
// Invariant: what the data plane has built on (delivery, signature) never changes under an endpoint in use; partitions are
//            only added, and while no rollout is under way.

import type { Endpoint } from '../../../shared/domain/endpoint.ts';
import { signatureMismatch } from '../../../shared/domain/tensor.ts';
import { busyProblem } from './decide-rollout.ts';
import type { Input } from './input.ts';
import { type Journal, type Problem, problem } from './journal.ts';
import { type ControllerState, type DefinedEndpoint, definedEndpoint } from './state.ts';

/** Endpoints that one controller keeps, removed ones included. */
export const ENDPOINTS_MAX = 1_024;

export function decideEndpoint(journal: Journal, input: Extract<Input, { type: 'endpoint' }>): Journal {
  const { endpoint, settings } = input;
  const known = definedEndpoint(journal.state, endpoint);
  if (settings === null) {
    if (known === null) return journal.write({ type: 'noted', message: `there is no endpoint ${endpoint} to remove` });
    return journal.write({ type: 'endpoint-removed', message: `endpoint ${endpoint} is removed` });
  }
  if (known !== null && sameSettings(known.settings, settings)) {
    return journal.write({ type: 'noted', message: `endpoint ${endpoint} is defined like that already` });
  }
  const refusal = settingsProblem(journal.state, settings) ?? input.topicProblem;
  if (refusal !== null) return journal.refuse('endpoint-refused', refusal);
  const { partitions, delivery } = settings;
  return journal.write({ type: 'endpoint-defined', settings, message: `${partitions} partitions, ${delivery}` });
}

/** Whether a record with these settings changes anything: only then is it worth making topics. */
export function wouldDefine(state: ControllerState, settings: Endpoint): boolean {
  const known = definedEndpoint(state, settings.endpoint);
  if (known !== null && sameSettings(known.settings, settings)) return false;
  return settingsProblem(state, settings) === null;
}

function settingsProblem(state: ControllerState, settings: Endpoint): Problem | null {
  const known = definedEndpoint(state, settings.endpoint);
  return known === null ? roomProblem(state, settings.endpoint) : changeProblem(known, settings);
}

/** Whether models of the endpoint serve or are about to. */
function isServed(known: DefinedEndpoint): boolean {
  return known.incumbent !== null || known.lanes.blue !== null || known.lanes.green !== null;
}

function changeProblem(known: DefinedEndpoint, settings: Endpoint): Problem | null {
  if (!isServed(known)) return null;
  const changed = (setting: string) => problem('ENDPOINT_CHANGED', { endpoint: settings.endpoint, setting });
  // Requests that lie in a partition stay there, so there can be more of them, and never fewer.
  if (known.settings.partitions > settings.partitions) return changed('partitions');
  // Lanes that load or drain are counted by their partitions.
  const busy = known.settings.partitions < settings.partitions ? busyProblem(known) : null;
  if (busy !== null) return busy;
  if (known.settings.delivery !== settings.delivery) return changed('delivery');
  const expected = known.signature ?? loadingSignature(known);
  if (settings.signature === undefined || expected === null) return null;
  return signatureMismatch(expected, settings.signature) === null ? null : changed('signature');
}

function loadingSignature(known: DefinedEndpoint) {
  return known.rollout.phase === 'none' ? null : known.rollout.signature;
}

function roomProblem(state: ControllerState, endpoint: string): Problem | null {
  if (state.endpoints.has(endpoint) || state.endpoints.size < ENDPOINTS_MAX) return null;
  const detail = `there are ${ENDPOINTS_MAX} endpoints already, removed ones included`;
  return problem('SPEC_INVALID', { place: `endpoint ${endpoint}`, detail });
}

function sameSettings(a: Endpoint, b: Endpoint): boolean {
  const { signature: left, ...restA } = a;
  const { signature: right, ...restB } = b;
  const plain =
    restA.partitions === restB.partitions &&
    restA.delivery === restB.delivery &&
    restA.road === restB.road &&
    restA.ordering === restB.ordering;
  if (!plain || (left === undefined) !== (right === undefined)) return false;
  return left === undefined || right === undefined || signatureMismatch(left, right) === null;
}
