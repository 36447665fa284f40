// Flood: first how much the house takes, then twice that for a while, then nothing until it has caught up.
// Flow: fill → capacity → flood, with lag and memory every second → drain → audit.

import { ROLLBACK_BOUNDS } from '../../shared/analysis/checks/rollback-bound.ts';
import { auditEndpoint } from '../../shared/audit/audit-endpoint.ts';
import { laneGroup, routerGroup } from '../../shared/domain/groups.ts';
import { LANES } from '../../shared/domain/route-plan.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { eventually } from '../support/eventually.ts';
import { type MemoryFigure, type MemorySample, memoryFigures, sampleMemory } from './memory.ts';
import type { Place } from './place.ts';

const SECOND_MS = 1_000;
/** Enough to see the steady rate behind the first batches. */
const CAPACITY_RECORDS = 40_000;
/** The first round runs code that is not compiled yet. */
const CAPACITY_ROUNDS = 3;
const CAPACITY_DEADLINE_MS = 120_000;
const OVERLOAD_FACTOR = 2;
/** Requests are written in rounds of this length. */
const TICK_MS = 20;
/** More than this at once would only show how the producer queues. */
const ROUND_MAX = 4_000;
/** Longest drain: so many times as long as the queued records need at the capacity that was measured. */
const DRAIN_FACTOR = 5;
const DRAIN_MIN_MS = 60_000;

export interface FloodReport {
  readonly capacityPerSecond: number;
  /** Once more, after the drain: the machine may have been given other work meanwhile. */
  readonly capacityAfterPerSecond: number;
  readonly offeredPerSecond: number;
  readonly answeredPerSecond: number;
  readonly seconds: number;
  readonly requests: number;
  readonly answered: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly wrongVersion: number;
  /** Requests without an answer: after a tenth of the flood, at its end, and after the drain. */
  readonly lagEarly: number;
  readonly lagEnd: number;
  readonly lagDrained: number;
  readonly drainSeconds: number;
  readonly memory: readonly MemoryFigure[];
}

/** Requests that no group has worked off yet, wherever they wait. */
async function lagOf({ bus, topics, endpoint }: Place): Promise<number> {
  const waits = [
    { group: routerGroup(topics.prefix, endpoint), topic: topics.endpoint(endpoint, 'requests') },
    ...LANES.map((lane) => ({ group: laneGroup(topics.prefix, endpoint, lane), topic: topics.lane(endpoint, lane) })),
  ];
  let lag = 0;
  for (const { group, topic } of waits) {
    const [committed, offsets] = [await bus.admin.committed(group, topic), await bus.admin.offsets(topic)];
    // A lane's end counts the marker behind its last record.
    for (const { partition, end } of offsets) lag += Math.max(0, end - 1 - Math.max(0, committed[partition] ?? 0));
  }
  return lag;
}

/** Requests per second of the fastest round; twice those of a slower one might not be a flood. */
async function capacityOf(place: Place, rounds: number, say: (line: string) => void): Promise<number> {
  let fastest = 0;
  for (let round = 1; round <= rounds; round++) {
    // From the first write on: what is answered meanwhile counts.
    const startMs = clock.nowMs();
    await place.send(CAPACITY_RECORDS);
    await eventually('a round is answered', async () => (await lagOf(place)) === 0, {
      timeoutMs: CAPACITY_DEADLINE_MS,
    });
    const perSecond = (CAPACITY_RECORDS * SECOND_MS) / (clock.nowMs() - startMs);
    say(`  round ${round} of ${rounds}: ${perSecond.toFixed(0)} requests/s`);
    fastest = Math.max(fastest, perSecond);
  }
  return fastest;
}

/** @throws TIMED_OUT when the house never catches up */
export async function runFlood(place: Place, seconds: number, say: (line: string) => void): Promise<FloodReport> {
  const capacity = await capacityOf(place, CAPACITY_ROUNDS, say);
  let rate = OVERLOAD_FACTOR * capacity;
  say(`it takes ${capacity.toFixed(0)} requests/s; ${rate.toFixed(0)}/s are offered for ${seconds} s`);
  const before = place.sent();
  const samples: MemorySample[] = [];
  const lags: number[] = [];
  const startMs = clock.nowMs();
  const elapsedMs = () => clock.nowMs() - startMs;
  const flooding = flood(
    place,
    () => rate,
    () => elapsedMs() < seconds * SECOND_MS,
  );
  while (elapsedMs() < seconds * SECOND_MS) {
    await clock.sleep(SECOND_MS);
    samples.push(sampleMemory(place.fleet));
    const written = place.sent() - before;
    const lag = await lagOf(place);
    lags.push(lag);
    // The machine may have been busy with other work while the capacity was measured.
    rate = Math.max(rate, (OVERLOAD_FACTOR * (written - lag) * SECOND_MS) / elapsedMs());
    if (lags.length % 10 === 0) say(`  ${place.sent() - before} sent, ${lags.at(-1)} wait`);
  }
  await flooding;
  const offered = place.sent() - before;
  const lagEnd = await lagOf(place);
  const floodMs = elapsedMs();
  const timeoutMs = Math.max(DRAIN_MIN_MS, (DRAIN_FACTOR * lagEnd * SECOND_MS) / capacity);
  say(`the flood is over: ${lagEnd} wait`);
  let lagDrained = lagEnd;
  const drained = async () => {
    lagDrained = await lagOf(place);
    return lagDrained === 0;
  };
  await eventually('the house has caught up', drained, { timeoutMs, detail: () => `${lagDrained} wait` });
  const drainSeconds = (elapsedMs() - floodMs) / SECOND_MS;
  const capacityAfter = await capacityOf(place, 1, say);
  return {
    capacityPerSecond: capacity,
    capacityAfterPerSecond: capacityAfter,
    offeredPerSecond: (offered * SECOND_MS) / floodMs,
    answeredPerSecond: ((offered - lagEnd) * SECOND_MS) / floodMs,
    seconds,
    ...(await verdict(place)),
    lagEarly: lags[Math.floor(lags.length / 10)] ?? 0,
    lagEnd,
    lagDrained,
    drainSeconds,
    memory: memoryFigures(samples),
  };
}

async function flood(place: Place, rate: () => number, goesOn: () => boolean): Promise<void> {
  let [atMs, due] = [clock.nowMs(), 0];
  while (goesOn()) {
    const nowMs = clock.nowMs();
    due += ((nowMs - atMs) * rate()) / SECOND_MS;
    atMs = nowMs;
    const round = Math.min(Math.ceil(due), ROUND_MAX);
    if (round > 0) await place.send(round);
    due -= round;
    await clock.sleep(TICK_MS);
  }
}

async function verdict({ bus, topics, endpoint }: Place) {
  const { signal } = new AbortController();
  const options = { bus, topics, endpoint, settled: true, bounds: ROLLBACK_BOUNDS, nowMs: clock.nowMs(), signal };
  const { requests, answered, lost, duplicated, wrongVersion } = await auditEndpoint(options);
  return { requests, answered, lost, duplicated, wrongVersion };
}
