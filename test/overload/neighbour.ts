// Neighbour: what a candidate that hangs, or crawls, does to the answers of the incumbent beside it.
// Method: windows without, with and without the candidate, at a steady rate; only answers that the incumbent gave to its own
//         requests count. The two windows without show what the machine does by itself.

import { HEADER, headerText } from '../../shared/domain/headers.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { quantile } from '../bench/measure.ts';
import { modelProcesses, signalIfAlive } from '../support/model-processes.ts';
import type { Place } from './place.ts';

const SECOND_MS = 1_000;
const RATE = 200;
const WINDOW_MS = 12_000;
const TICK_MS = 5;
/** The first requests of a window only warm up. */
const WARM_SHARE = 0.2;
/** After its last request a window waits so long for the incumbent's answers; rescues may take longer. */
const ANSWERS_MS = 5_000;
/** How often the candidate's processes are looked for and held. */
const HOLD_EVERY_MS = 20;
/** A crawling process may run in one of so many turns. */
const CRAWL_TURNS = 10;
export const INCUMBENT = 1;
const CANDIDATE = 4;
const P99_RATIO_MAX = 1.2;

export type Ailment = 'hangs' | 'crawls';

export interface NeighbourReport {
  readonly ailment: Ailment;
  /** Per pair, milliseconds: without a candidate before and after, and with it. */
  readonly pairs: readonly { readonly aloneMs: number; readonly againMs: number; readonly besideMs: number }[];
  /** Medians: with to the mean of both without, and the slower to the faster of those two. */
  readonly ratio: number;
  readonly ratioAlone: number;
  /** `inconclusive`: two windows without a candidate already differ by more than the bar allows. */
  readonly verdict: 'met' | 'missed' | 'inconclusive';
}

export async function runNeighbour(
  place: Place,
  options: { readonly ailment: Ailment; readonly pairs: number; readonly say: (line: string) => void },
): Promise<NeighbourReport> {
  const { ailment, say } = options;
  const pairs: NeighbourReport['pairs'][number][] = [];
  for (let pair = 1; pair <= options.pairs; pair++) {
    const aloneMs = await windowP99(place);
    const besideMs = await withCandidate(place, ailment, () => windowP99(place));
    const againMs = await windowP99(place);
    pairs.push({ aloneMs, againMs, besideMs });
    say(
      `  pair ${pair}: p99 ${aloneMs.toFixed(1)} ms before, ${besideMs.toFixed(1)} ms beside, ${againMs.toFixed(1)} ms after`,
    );
  }
  const ratio = median(pairs.map(({ aloneMs, againMs, besideMs }) => besideMs / ((aloneMs + againMs) / 2)));
  const ratioAlone = median(
    pairs.map(({ aloneMs, againMs }) => Math.max(aloneMs, againMs) / Math.min(aloneMs, againMs)),
  );
  const verdict = ratio <= P99_RATIO_MAX ? 'met' : ratioAlone > P99_RATIO_MAX ? 'inconclusive' : 'missed';
  return { ailment, pairs, ratio, ratioAlone, verdict };
}

/** p99 of the incumbent's own answers in one window, milliseconds from write to readable. */
async function windowP99({ bus, topics, endpoint, send, sent, keyOf }: Place): Promise<number> {
  const count = (RATE * WINDOW_MS) / SECOND_MS;
  const sentAt = new Map<string, number>();
  const latencies: number[] = [];
  const ended = new AbortController();
  const topic = topics.endpoint(endpoint, 'predictions');
  const reading = (async () => {
    for await (const { records } of bus.read({ topic, from: 'latest', until: 'never', signal: ended.signal })) {
      const nowMs = performance.now();
      for (const { key, headers } of records) {
        const name = Buffer.from(key ?? []).toString();
        const startMs = sentAt.get(name);
        sentAt.delete(name);
        const own = headerText(headers, HEADER.version) === String(INCUMBENT);
        const rescued = headerText(headers, HEADER.rescuedFrom) !== null;
        if (startMs !== undefined && own && !rescued) latencies.push(nowMs - startMs);
      }
    }
  })();
  // The reader stands at the end before the first request.
  await clock.sleep(SECOND_MS);
  const writes: Promise<void>[] = [];
  const startMs = performance.now();
  for (let done = 0; done < count; ) {
    const due = Math.min(count, Math.ceil(((performance.now() - startMs) * RATE) / SECOND_MS));
    for (; done < due; done++) {
      if (done >= count * WARM_SHARE) sentAt.set(keyOf(sent()), performance.now());
      writes.push(send(1));
    }
    await clock.sleep(TICK_MS);
  }
  await Promise.all(writes);
  await clock.sleep(ANSWERS_MS);
  ended.abort();
  await reading;
  return quantile(
    latencies.sort((a, b) => a - b),
    0.99,
  );
}

async function withCandidate<T>(place: Place, ailment: Ailment, work: () => Promise<T>): Promise<T> {
  const { operator, fleet } = place;
  const scorer = fleet.running.find(({ service }) => service === 'scorer')?.pid ?? null;
  const incumbents = new Set(modelProcesses(scorer));
  await operator.apply({ candidate: CANDIDATE, strategy: 'canary', canary: { weightBp: 1_000 } });
  await operator.next('the candidate takes traffic', (event) => event.type === 'candidate-ready');
  const over = new AbortController();
  const holding = hold(() => modelProcesses(scorer).filter((pid) => !incumbents.has(pid)), ailment, over.signal);
  try {
    return await work();
  } finally {
    over.abort();
    await holding;
    await operator.command('abort', `it ${ailment}`);
    await operator.next('the rollback is complete', (event) => event.type === 'rollout-completed');
  }
}

/** Holds the processes, whatever new ones come; a crawling one may run now and then. */
async function hold(pids: () => readonly number[], ailment: Ailment, over: AbortSignal): Promise<void> {
  for (let turn = 0; !over.aborted; turn++) {
    const runs = ailment === 'crawls' && turn % CRAWL_TURNS === 0;
    for (const pid of pids()) signalIfAlive(pid, runs ? 'SIGCONT' : 'SIGSTOP');
    await clock.sleep(HOLD_EVERY_MS, over);
  }
  for (const pid of pids()) signalIfAlive(pid, 'SIGCONT');
}

function median(values: readonly number[]): number {
  return quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}
