// FindRequest: from what a user calls a request to its record, and the records that its source left in other topics.
// Forms: `topic-partition-offset`, `partition@offset` with an endpoint, or a ce_id, which is searched for.
// Invariant: every search is bounded and says how far it is; one that was cut short is never taken for an answer.

import type { Bus, ReadFrom } from '../../shared/bus/bus.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import { HEADER, headerText } from '../../shared/domain/headers.ts';
import { formatSource, type InRecord, parseSource, type Source } from '../../shared/domain/record.ts';
import { requestIdOf } from '../../shared/domain/route.ts';
import type { CliContext } from './context.ts';
import { readToEnd } from './read.ts';

export interface FoundRequest {
  readonly endpoint: string;
  readonly request: InRecord;
  /** Older requests with the same id. */
  readonly others: readonly string[];
}

export interface SearchBounds {
  /** Only requests of this last while are searched by id. */
  readonly sinceMs: number;
  /** Records of one topic that are looked at. */
  readonly recordsMax: number;
}

/** Answers are looked for from so long before the request's timestamp: clocks differ. */
const CLOCK_SLACK_MS = 60_000;
const PROGRESS_RECORDS = 100_000;

const decoder = new TextDecoder();

/** @throws NOT_FOUND, ENDPOINT_UNKNOWN, USAGE; TIMED_OUT when the bounds were reached */
export async function findRequest(
  context: CliContext,
  bus: Bus,
  wanted: { readonly id: string; readonly endpoint: string | null; readonly bounds: SearchBounds },
): Promise<FoundRequest> {
  const { id, endpoint } = wanted;
  const source = parseSource(id);
  if (source !== null) {
    if (endpoint === null) throw new MillraceError('USAGE', { detail: `${id} is a source: say whose with --endpoint` });
    return { endpoint, request: await requestAt(context, bus, { endpoint, source }), others: [] };
  }
  const named = namedPlace(context, id);
  if (named !== null) return { endpoint: named.endpoint, request: await requestAt(context, bus, named), others: [] };
  return searchById(context, bus, wanted);
}

/** `topic-partition-offset` of a topic of requests. */
function namedPlace({ topics }: CliContext, id: string): { readonly endpoint: string; readonly source: Source } | null {
  const match = /^(.+)-(\d{1,10})-(\d{1,16})$/.exec(id);
  const name = topics.parse(match?.[1] ?? '');
  const source = parseSource(`${match?.[2]}@${match?.[3]}`);
  if (name === null || name.endpoint === null || name.kind !== 'requests' || source === null) return null;
  return { endpoint: name.endpoint, source };
}

async function requestAt(
  context: CliContext,
  bus: Bus,
  { endpoint, source }: { readonly endpoint: string; readonly source: Source },
): Promise<InRecord> {
  const topic = context.topics.endpoint(endpoint, 'requests');
  const partitions = await bus.admin.partitions(topic);
  if (partitions === null) throw new MillraceError('ENDPOINT_UNKNOWN', { endpoint });
  const { partition, offset } = source;
  if (partition < partitions) {
    const from = new Map<number, ReadFrom>([[partition, offset]]);
    for await (const records of readToEnd(context, bus, { topic, partitions: [partition], from })) {
      // Retention or a marker may lie there: then a later record comes first.
      const found = records.find((record) => record.offset >= offset);
      if (found?.offset === offset) return found;
      if (found !== undefined) break;
    }
  }
  throw new MillraceError('NOT_FOUND', { detail: `there is no request ${formatSource(source)} in ${topic}` });
}

async function searchById(
  context: CliContext,
  bus: Bus,
  { id, endpoint, bounds }: Parameters<typeof findRequest>[2],
): Promise<FoundRequest> {
  const from = { timestampMs: context.clock.nowMs() - bounds.sinceMs };
  const found: { readonly endpoint: string; readonly record: InRecord }[] = [];
  for (const name of endpoint === null ? await endpointsOf(context, bus) : [endpoint]) {
    const topic = context.topics.endpoint(name, 'requests');
    const wanted = (record: InRecord) => decoder.decode(requestIdOf(record)) === id;
    const records = await scan(context, bus, { topic, from, wanted, recordsMax: bounds.recordsMax });
    found.push(...records.map((record) => ({ endpoint: name, record })));
  }
  found.sort((a, b) => a.record.timestampMs - b.record.timestampMs || a.record.offset - b.record.offset);
  const newest = found.pop();
  if (newest === undefined) {
    const detail = `there is no request '${id}' in the last ${bounds.sinceMs / 3_600_000} h; --since looks further back`;
    throw new MillraceError('NOT_FOUND', { detail });
  }
  const others = found.map(({ endpoint: name, record }) => `${name} ${formatSource(record)}`);
  return { endpoint: newest.endpoint, request: newest.record, others };
}

async function endpointsOf({ topics }: CliContext, bus: Bus): Promise<string[]> {
  const names = (await bus.admin.topics()).map((name) => topics.parse(name));
  return names.flatMap((name) => (name?.kind === 'requests' ? [name.endpoint ?? ''] : []));
}

/** Records that a request left in another topic, by the source that they name; all of them. */
export async function recordsOfSource(
  context: CliContext,
  bus: Bus,
  where: { readonly topic: string; readonly request: InRecord; readonly recordsMax: number },
): Promise<InRecord[]> {
  const { topic, request, recordsMax } = where;
  const source = formatSource(request);
  const wanted = (record: InRecord) => headerText(record.headers, HEADER.source) === source;
  const bounds = { topic, partition: request.partition, wanted, recordsMax };
  const hint = { timestampMs: request.timestampMs - CLOCK_SLACK_MS };
  const near = await scan(context, bus, { ...bounds, from: hint });
  // A producer may stamp its requests as it likes: then time is no guide.
  return near.length > 0 ? near : scan(context, bus, { ...bounds, from: 'earliest' });
}

interface Scan {
  readonly topic: string;
  /** Default: all. */
  readonly partition?: number;
  readonly from: ReadFrom;
  readonly wanted: (record: InRecord) => boolean;
  readonly recordsMax: number;
}

/** @throws TIMED_OUT when more than `recordsMax` records would have to be looked at */
async function scan(
  context: CliContext,
  bus: Bus,
  { topic, partition, from, wanted, recordsMax }: Scan,
): Promise<InRecord[]> {
  const found: InRecord[] = [];
  let seen = 0;
  const partitions = partition === undefined ? {} : { partitions: [partition] };
  for await (const records of readToEnd(context, bus, { topic, ...partitions, from })) {
    found.push(...records.filter(wanted));
    const before = seen;
    seen += records.length;
    if (Math.floor(seen / PROGRESS_RECORDS) > Math.floor(before / PROGRESS_RECORDS)) {
      context.say(`searching ${topic}: ${seen} records`);
    }
    if (seen > recordsMax) {
      throw new MillraceError('TIMED_OUT', {
        detail: `${topic} has more than ${recordsMax} records to search; raise --scan`,
      });
    }
  }
  return found;
}
