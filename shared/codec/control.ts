// Control: records of the control topics and of E.cuts: written as JSON, read as JSON or Avro, checked by the domain.
// Why JSON: any Kafka tool can read and write it (docs/adr/0005-control-records-are-json.md); Avro is for users' tools.
// Flow: controller, router, scorer, CLI → [encodeControl]; everyone → [decodeControl].
// Invariants: whatever is wrong with a record is CONTROL_UNREADABLE with its place and the offending field's path;
//       we never write what we would not read.

import type { ZodError, ZodType } from 'zod';
import {
  type Comparison,
  comparisonSchema,
  type KeyedLabel,
  keyedLabelSchema,
  type Label,
  labelSchema,
  type MetricWindow,
  metricWindowSchema,
  type Totals,
  totalsSchema,
} from '../domain/comparison.ts';
import { type Cut, cutSchema } from '../domain/cut.ts';
import { type Endpoint, endpointSchema } from '../domain/endpoint.ts';
import { assert, MillraceError } from '../domain/errors.ts';
import { type RolloutEvent, rolloutEventSchema } from '../domain/event.ts';
import { HEADER, header, headerText } from '../domain/headers.ts';
import type { Bytes, Header, InRecord } from '../domain/record.ts';
import { type Command, commandSchema } from '../domain/rollout.ts';
import { planProblem, type RoutePlan, routePlanSchema } from '../domain/route-plan.ts';
import { type ShadowMark, shadowMarkSchema } from '../domain/shadow.ts';
import { type WorkerReport, workerSchema } from '../domain/worker.ts';
import { type AvroReader, compileReader } from './avro-read.ts';
import { isObject } from './claims.ts';
import { CONTROL_BYTES_MAX, CONTROL_ITEMS_MAX } from './limits.ts';
import { codecNameOf } from './registry.ts';
import { avroType, type SchemaName } from './schemas.ts';
import { clip, type JsonLimits, parseJson } from './text.ts';

/** What each kind of control record holds. */
export interface ControlValues {
  readonly endpoint: Endpoint;
  /** Read unchecked: its schema comes from the strategies, so its reader calls `parseRollout` (shared/strategies). */
  readonly rollout: Readonly<Record<string, unknown>>;
  readonly command: Command;
  readonly plan: RoutePlan;
  readonly cut: Cut;
  readonly worker: WorkerReport;
  readonly event: RolloutEvent;
  readonly 'shadow-mark': ShadowMark;
  readonly label: Label;
  readonly 'keyed-label': KeyedLabel;
  readonly totals: Totals;
  readonly 'metric-window': MetricWindow;
  readonly comparison: Comparison;
}
export type ControlKind = keyof ControlValues;

/** The header of every control record that we write. Reading does not need it. */
export const CONTROL_CONTENT_TYPE: Header = header(HEADER.contentType, 'application/json');

const CONTROL_JSON: JsonLimits = {
  bytesMax: CONTROL_BYTES_MAX,
  depthMax: 16,
  keysMax: 2_048,
  listsMax: 2_048,
  textsMax: 2 * CONTROL_ITEMS_MAX,
  commasMax: CONTROL_ITEMS_MAX,
};
/** Longest detail of an error, characters. */
const DETAIL_CHARS_MAX = 512;

type Parse<T> = (value: unknown) => { readonly value: T } | { readonly problem: string };

interface ControlEntry<T> {
  readonly schema: SchemaName;
  readonly parse: Parse<T>;
}

const CONTROL: { readonly [Kind in ControlKind]: ControlEntry<ControlValues[Kind]> } = {
  endpoint: { schema: 'endpoint', parse: byZod(endpointSchema) },
  rollout: {
    schema: 'rollout',
    parse: (value) => (isObject(value) ? { value } : { problem: 'it is no object' }),
  },
  command: { schema: 'command', parse: byZod(commandSchema) },
  plan: { schema: 'route-plan', parse: byZod(routePlanSchema, planProblem) },
  cut: { schema: 'cut', parse: byZod(cutSchema, ({ plan }) => planProblem(plan)) },
  worker: { schema: 'worker', parse: byZod(workerSchema) },
  event: { schema: 'event', parse: byZod(rolloutEventSchema) },
  'shadow-mark': { schema: 'shadow-mark', parse: byZod(shadowMarkSchema) },
  label: { schema: 'label', parse: byZod(labelSchema) },
  'keyed-label': { schema: 'keyed-label', parse: byZod(keyedLabelSchema) },
  totals: { schema: 'totals', parse: byZod(totalsSchema) },
  'metric-window': { schema: 'metric-window', parse: byZod(metricWindowSchema) },
  comparison: { schema: 'comparison', parse: byZod(comparisonSchema) },
};

const readers = new Map<ControlKind, AvroReader>();

/** JSON bytes of a control record's value. @throws ASSERTION for a value that `decodeControl` would refuse */
export function encodeControl<Kind extends ControlKind>(kind: Kind, value: ControlValues[Kind]): Bytes {
  const entry: ControlEntry<ControlValues[Kind]> = CONTROL[kind];
  const parsed = entry.parse(value);
  if ('problem' in parsed)
    assert(false, `a ${kind} that is written is sound (${clip(parsed.problem, DETAIL_CHARS_MAX)})`);
  const bytes = Buffer.from(JSON.stringify(value));
  assert(bytes.length <= CONTROL_BYTES_MAX, `a ${kind} record has ${bytes.length} bytes, at most ${CONTROL_BYTES_MAX}`);
  return bytes;
}

/**
 * The checked value of a control record, defaults filled in.
 * @throws CONTROL_UNREADABLE with `topic@offset` and the path of the first offending field; a tombstone too
 */
export function decodeControl<Kind extends ControlKind>(
  kind: Kind,
  record: Pick<InRecord, 'topic' | 'offset' | 'value' | 'headers'>,
): ControlValues[Kind] {
  const { topic, offset, value: bytes } = record;
  const unreadable = (detail: string) =>
    new MillraceError('CONTROL_UNREADABLE', { topic, offset, detail: clip(detail, DETAIL_CHARS_MAX) });
  if (bytes === null || bytes.length === 0) throw unreadable('it has no value');
  if (bytes.length > CONTROL_BYTES_MAX) throw unreadable(`${bytes.length} bytes, more than ${CONTROL_BYTES_MAX}`);
  const raw =
    codecNameOf(headerText(record.headers, HEADER.contentType), bytes) === 'json'
      ? parseJson(bytes, CONTROL_JSON, unreadable)
      : readerOf(kind)(bytes, { itemsMax: CONTROL_ITEMS_MAX }, (detail) =>
          unreadable(`it is neither JSON nor Avro of the schema ${CONTROL[kind].schema} (${detail})`),
        );
  const entry: ControlEntry<ControlValues[Kind]> = CONTROL[kind];
  const parsed = entry.parse(raw);
  if ('problem' in parsed) throw unreadable(parsed.problem);
  return parsed.value;
}

function readerOf(kind: ControlKind): AvroReader {
  const known = readers.get(kind);
  if (known !== undefined) return known;
  const reader = compileReader(avroType(CONTROL[kind].schema));
  readers.set(kind, reader);
  return reader;
}

/** Shape by zod, then meaning by `rule`, which names what is broken, or null. */
function byZod<T>(schema: ZodType<T>, rule: (value: T) => string | null = () => null): Parse<T> {
  return (value) => {
    const parsed = schema.safeParse(value);
    if (!parsed.success) return { problem: firstIssue(parsed.error) };
    const problem = rule(parsed.data);
    return problem === null ? { value: parsed.data } : { problem };
  };
}

function firstIssue(error: ZodError): string {
  const [issue] = error.issues;
  return `${issue?.path.join('.') || 'record'}: ${issue?.message ?? ''}`;
}
