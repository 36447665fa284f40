// JudgeShadow: what shadow and comparator of a finished simulation are held to: a recount from the topics, and that every output was
// made by its version from its request, which only a simulation can know.

import type { MemoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { decodeAnswer } from '../../shared/codec/registry.ts';
import { readTotals } from '../../shared/comparing/read-totals.ts';
import { recountRun } from '../../shared/comparing/recount.ts';
import type { JoinCounts } from '../../shared/domain/comparison.ts';
import { errorText } from '../../shared/domain/errors.ts';
import { HEADER, headerText } from '../../shared/domain/headers.ts';
import type { InRecord } from '../../shared/domain/record.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import { systemClock } from '../../shared/process/clock.ts';
import { recordsOf } from '../support/compared-counts.ts';
import { miscounted, recount } from '../support/recount.ts';
import { SIM_LIMITS } from './processes.ts';
import { SIM_ENDPOINT, SIM_HEADER, SIM_PARTITIONS } from './users.ts';

const PROBLEMS_MAX = 20;
/** What was passed over counts once a run has ended, and not all end in time; users repeat labels, and are late with them. */
const COUNTED: readonly (keyof JoinCounts)[] = ['matched', 'labelled', 'missingLive', 'missingShadow', 'unreadable'];

export async function shadowProblems(bus: MemoryBus, topics: Topics): Promise<string[]> {
  const place = { bus, topics, endpoint: SIM_ENDPOINT, partitions: SIM_PARTITIONS };
  const { runs, problems } = await recount(place);
  const found = [
    ...problems,
    ...miscounted(runs, COUNTED),
    ...(await replayProblems(bus, topics)),
    ...(await outputProblems(bus, topics)),
  ];
  return found.slice(0, PROBLEMS_MAX);
}

/** Whoever counts anew finds what totals say, whatever was killed, and whatever time decided meanwhile. */
async function replayProblems(bus: MemoryBus, topics: Topics): Promise<string[]> {
  const { signal } = new AbortController();
  const endpoint = SIM_ENDPOINT;
  const place = { bus, topics, clock: systemClock, endpoint, limits: SIM_LIMITS, signal };
  const problems: string[] = [];
  const onUnreadable = (_: InRecord, error: unknown) => problems.push(`totals: ${errorText(error)}`);
  for (const totals of await readTotals({ bus, topics, endpoint, signal, onUnreadable })) {
    const { run, partition, counts, differences } = await recountRun(place, totals);
    if (counts === null) problems.push(`${run}: in partition ${partition} its records are gone`);
    problems.push(...differences.map((difference) => `${run}: in partition ${partition} ${difference}`));
  }
  return problems;
}

async function outputProblems(bus: MemoryBus, topics: Topics): Promise<string[]> {
  const problems: string[] = [];
  for await (const { value, headers } of recordsOf(bus, topics.endpoint(SIM_ENDPOINT, 'shadow'))) {
    const isOutput = headerText(headers, HEADER.shadowMark) === null && headerText(headers, HEADER.error) === null;
    if (value === null || !isOutput) continue;
    const answer = decodeAnswer(value, headerText(headers, HEADER.contentType));
    const [x, version] = [SIM_HEADER, HEADER.version].map((name) => Number(headerText(headers, name)));
    const y = answer.kind === 'answer' ? Number(answer.outputs[0]?.data[0]) : Number.NaN;
    if (y !== Number(version) * 1_000 + Number(x)) problems.push(`shadow: ${y} is no output of v${version} for ${x}`);
  }
  return problems;
}
