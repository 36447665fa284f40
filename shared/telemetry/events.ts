// Events: everything that Millrace ever logs, with its level, its fields and its sentence.
// Flow: services and adapters → `log(event, fields)` → logger.ts → standard error.
// Rule: only transitions are at info; in steady state nothing is logged. No logging in any core/.

import type { RolloutEvent } from '../domain/event.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const satisfies readonly LogLevel[];

type Service = { readonly service: string };
type Endpoint = { readonly endpoint: string };
/** A field `error` may be anything thrown; it is logged as code, kind and words. */
type Failed = { readonly error: unknown };

/** Fields of each event, by name. */
export interface EventFields {
  'service-started': Service & { readonly settings: Readonly<Record<string, unknown>> };
  'service-stopping': Service & { readonly cause: string };
  'service-stopped': Service & { readonly exitCode: number };
  'service-failed': Service & Failed;
  'broker-defective': { readonly detail: string };
  'broker-lost': { readonly detail: string };
  'broker-recovered': { readonly outageMs: number };
  'partitions-assigned': Service & Endpoint & { readonly lane?: string; readonly partitions: readonly number[] };
  'partition-failed': Service & Partial<Endpoint> & Failed & { readonly lane?: string; readonly partition: number };
  'endpoint-failed': Service & Endpoint & Failed;
  'owner-fenced': Endpoint & { readonly lane: string; readonly partition: number; readonly worker: string };
  'endpoint-degraded': Endpoint & Failed & { readonly partition: number };
  'shadow-skipped': Endpoint & { readonly version: number; readonly partition: number; readonly records: number };
  'totals-reduced': Endpoint & { readonly partition: number; readonly run: string; readonly versions: string };
  'cut-written': Endpoint & { readonly partition: number; readonly revision: number; readonly offset: number };
  'dead-letter-written': Service &
    Endpoint & { readonly code: string; readonly partition: number; readonly offset: number };
  'model-state': Endpoint & {
    readonly version: number;
    readonly state: string;
    readonly runtime: string;
    readonly problem: string;
  };
  'model-notice': Endpoint & { readonly version: number; readonly what: string; readonly detail: string };
  'report-failed': Endpoint & Failed;
  'controller-leads': { readonly endpoints: number; readonly commandOffset: number };
  'rollout-event': { readonly event: RolloutEvent };
  'control-unreadable': Service & Failed;
}

export type EventName = keyof EventFields;

interface EventEntry<Fields> {
  readonly level: LogLevel;
  /** What happened; `{name}` is filled from the fields. */
  readonly sentence: string;
  /** At most one line per endpoint in this time; the next one says how many were left out. */
  readonly everyMs?: number;
  /** What of the fields is logged, where that is not all of them. */
  readonly brief?: (fields: Fields) => Readonly<Record<string, unknown>>;
}

/** What one bad producer or one broken partition may write into the log. */
const BURST_MS = 10_000;

export const EVENTS: { readonly [Name in EventName]: EventEntry<EventFields[Name]> } = {
  'service-started': { level: 'info', sentence: '{service} started' },
  'service-stopping': { level: 'info', sentence: '{service} is stopping: {cause}' },
  'service-stopped': { level: 'info', sentence: '{service} stopped' },
  'service-failed': { level: 'error', sentence: '{service} failed' },
  'broker-defective': { level: 'warn', sentence: 'this broker has a known defect: {detail}' },
  'broker-lost': { level: 'warn', sentence: 'no broker answers, waiting: {detail}' },
  'broker-recovered': { level: 'info', sentence: 'the broker answers again after {outageMs} ms' },
  'partitions-assigned': { level: 'info', sentence: '{service} of {endpoint} owns partitions {partitions}' },
  'partition-failed': {
    level: 'warn',
    sentence: 'the work of {service} on partition {partition} failed and starts again',
    everyMs: BURST_MS,
  },
  'endpoint-failed': { level: 'error', sentence: '{endpoint} cannot be served and is tried again', everyMs: BURST_MS },
  'owner-fenced': {
    level: 'warn',
    sentence: '{worker} fell silent: what it left open on partition {partition} of lane {lane} was ended',
  },
  'endpoint-degraded': {
    level: 'error',
    sentence: 'partition {partition} of {endpoint} waits for its incumbent',
    everyMs: BURST_MS,
  },
  'shadow-skipped': {
    level: 'warn',
    sentence: 'the shadow of version {version} is too far behind in partition {partition} and drops {records} requests',
    everyMs: BURST_MS,
  },
  'totals-reduced': {
    level: 'warn',
    sentence:
      'the totals of {run} are full in partition {partition}: versions {versions} are counted coarsely or not there',
  },
  'cut-written': {
    level: 'info',
    sentence: 'plan {revision} of {endpoint} applies in partition {partition} from offset {offset}',
  },
  'dead-letter-written': { level: 'warn', sentence: 'a request of {endpoint} was refused: {code}', everyMs: BURST_MS },
  'model-state': { level: 'info', sentence: 'version {version} of {endpoint} is {state}' },
  'model-notice': { level: 'warn', sentence: 'version {version} of {endpoint} {what}: {detail}', everyMs: BURST_MS },
  'report-failed': {
    level: 'warn',
    sentence: 'the worker report of {endpoint} could not be written',
    everyMs: BURST_MS,
  },
  'controller-leads': {
    level: 'info',
    sentence: 'this controller leads {endpoints} endpoints from command {commandOffset} on',
  },
  'rollout-event': {
    level: 'info',
    sentence: '{endpoint}: {type} {message}',
    // Its plan and its evidence are in the journal.
    brief: ({ event: { endpoint, type, rollout, phase, message } }) => ({ endpoint, type, rollout, phase, message }),
  },
  'control-unreadable': {
    level: 'error',
    sentence: 'a control record cannot be read and is left out',
    everyMs: BURST_MS,
  },
};
