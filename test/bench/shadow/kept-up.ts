// KeptUp: whether a shadow scored what it was to score; live figures beside one that did not would say nothing.
// Method: its outputs are read back from E.shadow, and counted against what the sample draws from the requests' names.

import type { Bus } from '../../../shared/bus/bus.ts';
import { MillraceError } from '../../../shared/domain/errors.ts';
import { HEADER, headerText } from '../../../shared/domain/headers.ts';
import { samplerOf } from '../../../shared/domain/shadow.ts';
import type { Topics } from '../../../shared/domain/topics.ts';
import { systemClock as clock } from '../../../shared/process/clock.ts';
import { PARTITIONS } from '../series.ts';

const POLL_MS = 250;

export interface Shadowed {
  readonly topics: Topics;
  readonly endpoint: string;
  readonly rollout: string;
  readonly sampleBp: number;
  /** When it began, milliseconds since the epoch. */
  readonly sinceMs: number;
  /** Requests that it was to score: [first, end) of all, spread evenly over the partitions, without ids of their own. */
  readonly first: number;
  readonly end: number;
}

/** @throws ASSERTION unless every request of the sample has exactly one output within `withinMs` */
export async function awaitOutputs(bus: Bus, shadowed: Shadowed, withinMs: number): Promise<void> {
  const expected = sampled(shadowed);
  const untilMs = clock.nowMs() + withinMs;
  for (;;) {
    const found = await outputs(bus, shadowed);
    if (found === expected) return;
    if (found > expected || clock.nowMs() > untilMs) {
      const detail = `the shadow of ${shadowed.sampleBp} bp scored ${found} of ${expected} requests in time`;
      throw new MillraceError('ASSERTION', { detail });
    }
    await clock.sleep(POLL_MS);
  }
}

function sampled({ topics, endpoint, sampleBp, first, end }: Shadowed): number {
  const isSampled = samplerOf(endpoint, sampleBp);
  const topic = topics.endpoint(endpoint, 'requests');
  const idOf = (index: number) => `${topic}-${index % PARTITIONS}-${Math.floor(index / PARTITIONS)}`;
  const ids = Array.from({ length: end - first }, (_, i) => idOf(first + i));
  return ids.filter((id) => isSampled(Buffer.from(id))).length;
}

async function outputs(bus: Bus, { topics, endpoint, rollout, sinceMs }: Shadowed): Promise<number> {
  let count = 0;
  const topic = topics.endpoint(endpoint, 'shadow');
  for await (const { records } of bus.read({ topic, from: { timestampMs: sinceMs }, until: 'end' })) {
    const own = records.filter(({ headers }) => headerText(headers, HEADER.shadow) === rollout);
    count += own.filter(({ headers }) => headerText(headers, HEADER.shadowMark) === null).length;
  }
  return count;
}
