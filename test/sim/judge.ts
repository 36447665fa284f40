// Judge: what a finished simulation is held to: the audit of every promise, and what only a simulation can know.

import type { RollbackBounds } from '../../shared/analysis/checks/rollback-bound.ts';
import type { Totals } from '../../shared/analysis/totals.ts';
import { auditEndpoint } from '../../shared/audit/audit-endpoint.ts';
import type { MemoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { decodeControl } from '../../shared/codec/control.ts';
import { decodeAnswer } from '../../shared/codec/registry.ts';
import { HEADER, headerText } from '../../shared/domain/headers.ts';
import type { InRecord } from '../../shared/domain/record.ts';
import { LANES, type RoutePlan } from '../../shared/domain/route-plan.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import { shadowProblems } from './judge-shadow.ts';
import { SIM_ENDPOINT, SIM_HEADER, SIM_PARTITIONS } from './users.ts';

export interface Judgement {
  readonly totals: Totals;
  /** Broken promises, in words. */
  readonly problems: readonly string[];
}

export async function judge(
  bus: MemoryBus,
  topics: Topics,
  about: { readonly sent: number; readonly nowMs: number; readonly bounds: RollbackBounds },
): Promise<Judgement> {
  const signal = new AbortController().signal;
  const place = { bus, topics, endpoint: SIM_ENDPOINT, nowMs: about.nowMs, bounds: about.bounds, signal };
  const totals = await auditEndpoint({ ...place, settled: true });
  const problems = totals.kept.map(({ check, at, detail }) => `${check}: ${at}: ${detail}`);
  if (totals.requests < about.sent) problems.push(`${about.sent} requests were sent, ${totals.requests} are on record`);
  const plans = (await readAll(bus, topics.control('plans'))).flatMap((record) =>
    record.value === null ? [] : [decodeControl('plan', record)],
  );
  problems.push(...(await journalProblems(bus, topics, plans)));
  problems.push(...(await cutProblems(bus, topics, plans)));
  problems.push(...(await answerProblems(bus, topics)));
  problems.push(...(await drainProblems(bus, topics)));
  problems.push(...(await shadowProblems(bus, topics)));
  return { totals, problems };
}

/** The journal has no gaps, and every plan has its event. */
async function journalProblems(bus: MemoryBus, topics: Topics, plans: readonly RoutePlan[]): Promise<string[]> {
  const events = (await readAll(bus, topics.control('events'))).map((record) => decodeControl('event', record));
  const problems: string[] = [];
  let seq = 0;
  for (const event of events) {
    if (event.endpoint !== SIM_ENDPOINT || event.seq === 0 || event.type === 'snapshot') continue;
    if (event.seq !== seq + 1) problems.push(`journal: ${event.type} has number ${event.seq} after ${seq}`);
    seq = event.seq;
  }
  const published = new Map(
    events.flatMap((event) =>
      event.type === 'plan-published' ? [[event.plan.revision, JSON.stringify(event.plan)]] : [],
    ),
  );
  for (const plan of plans) {
    if (published.get(plan.revision) !== JSON.stringify(plan)) problems.push(`plan ${plan.revision} has no event`);
  }
  return problems;
}

/** In the end every partition, idle ones too, has taken the newest plan. */
async function cutProblems(bus: MemoryBus, topics: Topics, plans: readonly RoutePlan[]): Promise<string[]> {
  const newest = plans.at(-1);
  if (newest === undefined || newest.shares.length === 0) return [];
  const cuts = (await readAll(bus, topics.endpoint(SIM_ENDPOINT, 'cuts'))).flatMap((record) =>
    record.value === null ? [] : [decodeControl('cut', record)],
  );
  return Array.from({ length: SIM_PARTITIONS }, (_, partition) => partition)
    .filter((partition) => !cuts.some((cut) => cut.partition === partition && cut.plan.revision === newest.revision))
    .map((partition) => `partition ${partition} never took plan ${newest.revision}`);
}

/** When a lane was called drained, what the router had sent down it was answered, or rescued to the other one. */
async function drainProblems(bus: MemoryBus, topics: Topics): Promise<string[]> {
  const isRescue = (record: InRecord) => headerText(record.headers, HEADER.rescuedFrom) !== null;
  const sourceOf = (record: InRecord) => headerText(record.headers, HEADER.source) ?? '';
  const lanes = new Map(
    await Promise.all(LANES.map(async (lane) => [lane, await readAll(bus, topics.lane(SIM_ENDPOINT, lane))] as const)),
  );
  const ends = [...lanes.values()].flat().filter(isRescue);
  ends.push(...(await readAll(bus, topics.endpoint(SIM_ENDPOINT, 'predictions'))));
  const endedAtMs = new Map<string, number>();
  for (const end of ends) {
    const source = sourceOf(end);
    endedAtMs.set(source, Math.min(endedAtMs.get(source) ?? end.timestampMs, end.timestampMs));
  }
  const events = (await readAll(bus, topics.control('events'))).map((record) => decodeControl('event', record));
  return events.flatMap((event) => {
    if (event.type !== 'lane-drained' || event.endpoint !== SIM_ENDPOINT) return [];
    const queued = (lanes.get(event.lane) ?? []).filter(
      (record) =>
        !isRescue(record) &&
        record.timestampMs < event.atMs &&
        (endedAtMs.get(sourceOf(record)) ?? Number.POSITIVE_INFINITY) > event.atMs,
    );
    return queued.length === 0 ? [] : [`lane ${event.lane} was called drained with ${queued.length} requests queued`];
  });
}

/** An answer's numbers were made by the version that it names, from the request that it names. */
async function answerProblems(bus: MemoryBus, topics: Topics): Promise<string[]> {
  const problems: string[] = [];
  for (const record of await readAll(bus, topics.endpoint(SIM_ENDPOINT, 'predictions'))) {
    if (record.value === null || headerText(record.headers, HEADER.error) !== null) continue;
    const answer = decodeAnswer(record.value, headerText(record.headers, HEADER.contentType));
    const version = Number(headerText(record.headers, HEADER.version));
    const x = Number(headerText(record.headers, SIM_HEADER));
    const y = answer.kind === 'answer' ? Number(answer.outputs[0]?.data[0]) : Number.NaN;
    if (y === version * 1_000 + x) continue;
    const source = headerText(record.headers, HEADER.source);
    problems.push(`${source}: v${version} is said to have answered ${x}, but ${y} is another's answer`);
  }
  return problems.slice(0, 20);
}

async function readAll(bus: MemoryBus, topic: string): Promise<InRecord[]> {
  const records: InRecord[] = [];
  for await (const batch of bus.read({ topic, from: 'earliest', until: 'end' })) records.push(...batch.records);
  return records;
}
