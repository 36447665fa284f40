// JudgeShadow: what shadow and comparator of a finished simulation are held to: a recount from the topics, and that every output was
// made by its version from its request, which only a simulation can know.

import type { MemoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { decodeAnswer } from '../../shared/codec/registry.ts';
import type { JoinCounts } from '../../shared/domain/comparison.ts';
import { HEADER, headerText } from '../../shared/domain/headers.ts';
import type { Topics } from '../../shared/domain/topics.ts';
import { recordsOf } from '../support/compared-counts.ts';
import { miscounted, recount } from '../support/recount.ts';
import { SIM_ENDPOINT, SIM_HEADER, SIM_PARTITIONS } from './users.ts';

const PROBLEMS_MAX = 20;
/** What was passed over counts once a run has ended, and not all end in time; users repeat labels, and are late with them. */
const COUNTED: readonly (keyof JoinCounts)[] = ['matched', 'labelled', 'missingLive', 'missingShadow', 'unreadable'];

export async function shadowProblems(bus: MemoryBus, topics: Topics): Promise<string[]> {
  const place = { bus, topics, endpoint: SIM_ENDPOINT, partitions: SIM_PARTITIONS };
  const { runs, problems } = await recount(place);
  return [...problems, ...miscounted(runs, COUNTED), ...(await outputProblems(bus, topics))].slice(0, PROBLEMS_MAX);
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
