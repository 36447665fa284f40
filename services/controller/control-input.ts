// ControlInput: a record of a control topic, with what the decision needs from outside, as an input of the core.
// Flow: record → decoded and checked → judged, its topics made (endpoint) or its package looked up (rollout) → Input.
// Invariant: never throws for what a record says; what is wrong with it becomes part of the input.

import type { BusAdmin } from '../../shared/bus/bus.ts';
import { decodeControl } from '../../shared/codec/control.ts';
import type { Endpoint } from '../../shared/domain/endpoint.ts';
import { assert, errorText, MillraceError } from '../../shared/domain/errors.ts';
import type { Consumed, ConsumedTopic } from '../../shared/domain/event.ts';
import type { InRecord } from '../../shared/domain/record.ts';
import type { Signature } from '../../shared/domain/tensor.ts';
import type { TopicSpec, Topics } from '../../shared/domain/topics.ts';
import { parseRollout, type Rollout } from '../../shared/strategies/registry.ts';
import { wouldDefine } from './core/decide-endpoint.ts';
import type { Input, PackageFacts } from './core/input.ts';
import { type Problem, problemOf } from './core/journal.ts';
import { type ControllerState, definedEndpoint } from './core/state.ts';

/** What the controller asks of the model repository (shared/models/repository.ts is one). */
export interface Manifests {
  /** @throws PACKAGE_MISSING, PACKAGE_INVALID and the like */
  manifest(endpoint: string, version: number): Promise<{ readonly digest: string; readonly signature: Signature }>;
}

export interface ControlInputDeps {
  readonly admin: BusAdmin;
  readonly topics: Topics;
  readonly repository: Manifests;
}

/** Longest key that an event repeats, characters. */
const KEY_CHARS_MAX = 256;

/** @throws only what is retryable: the broker is away. */
export async function controlInput(
  deps: ControlInputDeps,
  state: ControllerState,
  place: { readonly topic: ConsumedTopic; readonly record: InRecord },
): Promise<Input> {
  const { topic, record } = place;
  const consumed: Consumed = { topic, offset: record.offset };
  const endpoint = keyOf(record);
  try {
    if (topic === 'endpoints') return await endpointInput(deps, state, { endpoint, consumed, record });
    if (topic === 'rollouts') return await rolloutInput(deps, state, { endpoint, consumed, record });
    const command = decodeControl('command', record);
    return { type: 'command', endpoint: command.endpoint, consumed, command };
  } catch (error) {
    if (isRetryable(error)) throw error;
    return { type: 'unreadable', endpoint, consumed, problem: problemOf(error) };
  }
}

interface Place {
  readonly endpoint: string;
  readonly consumed: Consumed;
  readonly record: InRecord;
}

/**
 * Makes the topics of an endpoint that `record` would define, ahead of its decision, which then finds them there: making
 * them takes seconds, and an abort must not wait for that. Never rejects: what is wrong is the decision's to say.
 */
export async function makeTopicsAhead(deps: ControlInputDeps, state: ControllerState, record: InRecord): Promise<void> {
  if (record.value === null) return;
  try {
    const settings = decodeControl('endpoint', record);
    requireKey(keyOf(record), settings.endpoint);
    if (wouldDefine(state, settings)) await makeTopics(deps, state, settings);
  } catch {
    // Not an endpoint's record, or no broker answers.
  }
}

async function endpointInput(
  deps: ControlInputDeps,
  state: ControllerState,
  { endpoint, consumed, record }: Place,
): Promise<Input> {
  const tombstone = { type: 'endpoint', endpoint, consumed, settings: null, topicProblem: null } as const;
  if (record.value === null) return tombstone;
  const settings = decodeControl('endpoint', record);
  requireKey(endpoint, settings.endpoint);
  if (!wouldDefine(state, settings)) return { ...tombstone, settings };
  return { ...tombstone, settings, topicProblem: await makeTopics(deps, state, settings) };
}

async function rolloutInput(
  deps: ControlInputDeps,
  state: ControllerState,
  { endpoint, consumed, record }: Place,
): Promise<Input> {
  const facts: PackageFacts = { kind: 'problem', problem: { code: 'ENDPOINT_UNKNOWN', message: '' } };
  if (record.value === null) return { type: 'rollout', endpoint, consumed, rollout: null, facts };
  const rollout = parseRollout(decodeControl('rollout', record));
  requireKey(endpoint, rollout.endpoint);
  const unknown = definedEndpoint(state, endpoint) === null;
  const looked = unknown ? facts : await lookUp(deps.repository, rollout);
  return { type: 'rollout', endpoint, consumed, rollout, facts: looked };
}

function keyOf(record: InRecord): string {
  return new TextDecoder().decode(record.key ?? new Uint8Array()).slice(0, KEY_CHARS_MAX);
}

/** Compaction keeps the newest record per key, so a key that is not the endpoint would lose another one's settings. */
function requireKey(key: string, endpoint: string): void {
  if (key === endpoint) return;
  throw new MillraceError('SPEC_INVALID', {
    place: 'key',
    detail: `the key is '${key}' but the endpoint '${endpoint}'`,
  });
}

async function makeTopics(
  { admin, topics }: ControlInputDeps,
  state: ControllerState,
  { endpoint, partitions }: Endpoint,
): Promise<Problem | null> {
  const specs = topics.endpointTopicSpecs(endpoint, partitions);
  const defined = definedEndpoint(state, endpoint)?.settings.partitions ?? partitions;
  try {
    if (defined < partitions) await admin.addPartitions(requestsLast(specs, topics.endpoint(endpoint, 'requests')));
    else await admin.createTopics(specs);
    return null;
  } catch (error) {
    if (isRetryable(error)) throw error;
    return problemOf(error);
  }
}

/** A request must not come to a partition that has no lane yet. */
function requestsLast(specs: readonly TopicSpec[], requests: string): TopicSpec[] {
  return [...specs].sort((a, b) => Number(a.name === requests) - Number(b.name === requests));
}

/** Whatever goes wrong with a package is the rollout's problem, not the controller's. */
async function lookUp(
  repository: Manifests,
  { endpoint, candidate: version, shadows: extra }: Rollout,
): Promise<PackageFacts> {
  const shadows = (extra ?? []).map(({ candidate }) => candidate);
  try {
    const [own, ...others] = await Promise.all(
      [version, ...shadows].map((each) => repository.manifest(endpoint, each)),
    );
    assert(own !== undefined, 'the candidate was looked up');
    const facts = ({ digest, signature }: typeof own) => ({ digest, signature });
    return { kind: 'found', ...facts(own), shadows: others.map(facts) };
  } catch (error) {
    if (error instanceof MillraceError) return { kind: 'problem', problem: problemOf(error) };
    const path = `${endpoint}/${version}`;
    const wrapped = new MillraceError('PACKAGE_INVALID', { path, detail: errorText(error) }, error);
    return { kind: 'problem', problem: problemOf(wrapped) };
  }
}

function isRetryable(error: unknown): boolean {
  return error instanceof MillraceError && error.kind === 'retryable';
}
