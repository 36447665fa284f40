// Topics: every topic name, built and parsed here and nowhere else, with how each is kept.
// Flow: services ask for names by role; the bus and the CLI create what `endpointTopicSpecs` and `controlTopicSpecs` list.
// Invariant: parse(build(x)) = x for every name (property test); all `E.` topics of an endpoint have one partition count.

import type { Lane } from './route-plan.ts';

/** Largest request record, key + value + headers, that `E.requests` takes, in bytes. */
export const REQUEST_BYTES_MAX = 1_048_576;
/** Room for routing and reason headers: what lane, prediction, shadow and dead-letter topics take beyond that. */
export const ROUTING_BYTES_MAX = 65_536;
/** Partitions of an endpoint. */
export const PARTITIONS_MAX = 1024;

const ENDPOINT_KINDS = [
  'requests',
  'lane.blue',
  'lane.green',
  'predictions',
  'shadow',
  'labels',
  'keyed-labels',
  'comparisons',
  'totals',
  'dead-letters',
  'cuts',
] as const;
const CONTROL_KINDS = ['endpoints', 'rollouts', 'commands', 'plans', 'workers', 'metrics', 'events'] as const;

export type EndpointTopicKind = (typeof ENDPOINT_KINDS)[number];
export type ControlTopicKind = (typeof CONTROL_KINDS)[number];

/** What a topic name means: an endpoint's topic, or one of the control topics. */
export type TopicName =
  | { readonly endpoint: string; readonly kind: EndpointTopicKind }
  | { readonly endpoint: null; readonly kind: ControlTopicKind };

/** A topic to create. `config` are Kafka topic settings by their own names. */
export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
  /** Copies of each partition. Default: three where there are as many brokers. */
  readonly replicas?: number;
}

export interface Topics {
  readonly prefix: string;
  endpoint(endpoint: string, kind: EndpointTopicKind): string;
  lane(endpoint: string, lane: Lane): string;
  control(kind: ControlTopicKind): string;
  /** Null for a name that is not ours. */
  parse(name: string): TopicName | null;
  endpointTopicSpecs(endpoint: string, partitions: number): TopicSpec[];
  controlTopicSpecs(): TopicSpec[];
}

/** `millrace.` is where the control topics live, so no endpoint may be called that. */
export const ENDPOINT_NAME = /^(?!millrace$)[a-z][a-z0-9-]{0,62}$/;

/**
 * Of topics that others write: the broker unpacks what they compress. We could not read every codec, and a small batch could
 * unpack to more than a record may have: the broker refuses that to its producer.
 */
const UNPACKED = { 'compression.type': 'uncompressed' } as const;
const RETENTION_MS = String(7 * 24 * 3_600_000);
const TIMED = { 'cleanup.policy': 'delete', 'retention.ms': RETENTION_MS } as const;
const FOR_EVER = { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1' } as const;
const COMPACTED = { 'cleanup.policy': 'compact' } as const;
/** What is not compacted yet is read by every new owner: the newest segment, which never is, and a tenth of the others. */
const SMALL_SEGMENTS = { 'segment.bytes': String(32 * 1024 * 1024), 'min.cleanable.dirty.ratio': '0.1' } as const;
const WIDE = { 'max.message.bytes': String(REQUEST_BYTES_MAX + ROUTING_BYTES_MAX) } as const;

const ENDPOINT_CONFIG: Readonly<Record<EndpointTopicKind, Readonly<Record<string, string>>>> = {
  requests: { ...TIMED, ...UNPACKED, 'max.message.bytes': String(REQUEST_BYTES_MAX) },
  'lane.blue': { ...TIMED, ...WIDE },
  'lane.green': { ...TIMED, ...WIDE },
  predictions: { ...TIMED, ...WIDE },
  shadow: { ...TIMED, ...WIDE },
  labels: { ...TIMED, ...UNPACKED },
  'keyed-labels': TIMED,
  comparisons: { ...TIMED, ...WIDE },
  totals: { ...COMPACTED, ...WIDE, ...SMALL_SEGMENTS },
  'dead-letters': { ...TIMED, ...WIDE },
  cuts: COMPACTED,
};

const CONTROL_CONFIG: Readonly<Record<ControlTopicKind, Readonly<Record<string, string>>>> = {
  endpoints: { ...COMPACTED, ...UNPACKED },
  rollouts: { ...COMPACTED, ...UNPACKED },
  commands: { ...TIMED, ...UNPACKED },
  plans: COMPACTED,
  workers: { 'cleanup.policy': 'compact,delete', 'retention.ms': RETENTION_MS },
  // Its records are to be added up: of those of one key compaction would keep the last alone.
  metrics: TIMED,
  events: FOR_EVER,
};

/** Names under `prefix` (may be empty; letters, digits, `-`, `_` and `.`). */
export function topicsOf(prefix: string): Topics {
  const endpoint = (name: string, kind: EndpointTopicKind) => `${prefix}${name}.${kind}`;
  const control = (kind: ControlTopicKind) => `${prefix}millrace.${kind}`;
  return {
    prefix,
    endpoint,
    lane: (name, lane) => endpoint(name, `lane.${lane}`),
    control,
    parse: (name) => parseTopic(prefix, name),
    endpointTopicSpecs: (name, partitions) =>
      ENDPOINT_KINDS.map((kind) => ({ name: endpoint(name, kind), partitions, config: ENDPOINT_CONFIG[kind] })),
    controlTopicSpecs: () =>
      CONTROL_KINDS.map((kind) => ({ name: control(kind), partitions: 1, config: CONTROL_CONFIG[kind] })),
  };
}

function parseTopic(prefix: string, name: string): TopicName | null {
  if (!name.startsWith(prefix)) return null;
  const rest = name.slice(prefix.length);
  const dot = rest.indexOf('.');
  if (dot < 1) return null;
  const owner = rest.slice(0, dot);
  const kind = rest.slice(dot + 1);
  if (owner === 'millrace') {
    const control = CONTROL_KINDS.find((known) => known === kind);
    return control === undefined ? null : { endpoint: null, kind: control };
  }
  const known = ENDPOINT_KINDS.find((candidate) => candidate === kind);
  return known === undefined || !ENDPOINT_NAME.test(owner) ? null : { endpoint: owner, kind: known };
}
