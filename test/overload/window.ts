// Window: requests at a steady rate, and how long each took that the incumbent answered.
// Flow: open (the reader stands at the end) → run → close, which waits for the answer of every request: whose a request
//       was is only known by its answer, and one that nobody answers may have been the incumbent's.

import { HEADER, headerText } from '../../shared/domain/headers.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { quantile } from '../bench/measure.ts';
import type { Place } from './place.ts';

const SECOND_MS = 1_000;
const RATE = 200;
const WINDOW_MS = 12_000;
const TICK_MS = 5;
const POLL_MS = 50;
/** The first requests of a window only warm up. */
const WARM_SHARE = 0.2;
/** So long a window stays as it is for answers to its last requests. A hanging candidate's come when it is rolled back. */
const ANSWERS_MS = 5_000;
/** After that, for the rest of them. */
const REST_MS = 60_000;
export const INCUMBENT = 1;

export interface Answer {
  readonly key: string;
  /** When it could be read, milliseconds. */
  readonly atMs: number;
  readonly version: string | null;
  readonly rescued: boolean;
}

export interface WindowFigure {
  /** Of the incumbent's answers to its own requests, late ones included; milliseconds from write to readable. */
  readonly p99Ms: number;
  readonly unanswered: number;
}

/** @param sentAt when each request that counts was written, by key, milliseconds */
export function figureOf(sentAt: ReadonlyMap<string, number>, answers: readonly Answer[]): WindowFigure {
  const answered = new Set<string>();
  const latencies: number[] = [];
  for (const { key, atMs, version, rescued } of answers) {
    const startMs = sentAt.get(key);
    if (startMs === undefined || answered.has(key)) continue;
    answered.add(key);
    // What the candidate was asked first took as long as the candidate let it.
    if (version === String(INCUMBENT) && !rescued) latencies.push(atMs - startMs);
  }
  latencies.sort((a, b) => a - b);
  return { p99Ms: quantile(latencies, 0.99), unanswered: sentAt.size - answered.size };
}

export interface Window {
  /** Writes its requests, and waits a little for their answers. */
  run(): Promise<void>;
  /** Waits until all are answered, a minute at most. */
  close(): Promise<WindowFigure>;
}

export async function openWindow({ bus, topics, endpoint, send, sent, keyOf }: Place): Promise<Window> {
  const count = (RATE * WINDOW_MS) / SECOND_MS;
  const sentAt = new Map<string, number>();
  const answers: Answer[] = [];
  const ended = new AbortController();
  const topic = topics.endpoint(endpoint, 'predictions');
  const reading = (async () => {
    for await (const { records } of bus.read({ topic, from: 'latest', until: 'never', signal: ended.signal })) {
      const atMs = performance.now();
      for (const { key, headers } of records) {
        const version = headerText(headers, HEADER.version);
        const rescued = headerText(headers, HEADER.rescuedFrom) !== null;
        answers.push({ key: Buffer.from(key ?? []).toString(), atMs, version, rescued });
      }
    }
  })();
  await clock.sleep(SECOND_MS);
  const allAnswered = async (waitMs: number) => {
    const deadlineMs = performance.now() + waitMs;
    while (performance.now() < deadlineMs && figureOf(sentAt, answers).unanswered > 0) await clock.sleep(POLL_MS);
  };
  return {
    run: async () => {
      const writes: Promise<void>[] = [];
      const first = sent();
      const startMs = performance.now();
      for (let done = 0; done < count; ) {
        const due = Math.min(count, Math.ceil(((performance.now() - startMs) * RATE) / SECOND_MS));
        for (; done < due; done++) {
          if (done >= count * WARM_SHARE) sentAt.set(keyOf(first + done), performance.now());
          writes.push(send(1));
        }
        await clock.sleep(TICK_MS);
      }
      await Promise.all(writes);
      await allAnswered(ANSWERS_MS);
    },
    close: async () => {
      await allAnswered(REST_MS);
      ended.abort();
      await reading;
      return figureOf(sentAt, answers);
    },
  };
}
