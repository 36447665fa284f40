// Journal: events of the controller, read from the newest snapshot on, and awaited after something was written.
// Flow: before a write `journalEnd` → write → [awaitEvent] from there → what the controller said.

import type { Bus } from '../../shared/bus/bus.ts';
import { decodeControl } from '../../shared/codec/control.ts';
import { sleepUnless } from '../../shared/domain/clock.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import type { RolloutEvent } from '../../shared/domain/event.ts';
import type { InRecord } from '../../shared/domain/record.ts';
import type { CliContext } from './context.ts';
import { beginsSnapshot } from './core/journal-fold.ts';
import { readable, readToEnd, requireGoing } from './read.ts';

/** Offsets read at first; the newest snapshot is nearly always among them (the controller writes one per 500 events). */
const WINDOW_OFFSETS = 4_000;
const WINDOW_GROWTH = 8;

/** An event, or null for a record that is none. */
export function eventOf(context: Pick<CliContext, 'say'>, record: InRecord): RolloutEvent | null {
  return readable(context, record, (each) => decodeControl('event', each));
}

/** Events from the newest snapshot on, or all of them. @throws TOPIC_UNKNOWN */
export async function readJournal(context: CliContext, bus: Bus): Promise<RolloutEvent[]> {
  const topic = context.topics.control('events');
  const [place] = await bus.admin.offsets(topic);
  const { earliest = 0, end = 0 } = place ?? {};
  for (let window = WINDOW_OFFSETS; ; window *= WINDOW_GROWTH) {
    const from = Math.max(earliest, end - window);
    const events: RolloutEvent[] = [];
    for await (const records of readToEnd(context, bus, { topic, from })) {
      events.push(...records.map((record) => eventOf(context, record)).filter((event) => event !== null));
    }
    const begin = events.findLastIndex(beginsSnapshot);
    if (begin >= 0) return events.slice(begin);
    if (from === earliest) return events;
  }
}

/** Where the journal ends now. @throws TOPIC_UNKNOWN */
export async function journalEnd(context: CliContext, bus: Bus): Promise<number> {
  const [place] = await bus.admin.offsets(context.topics.control('events'));
  return place?.end ?? 0;
}

export interface Await<T> {
  /** From `journalEnd` before what is awaited was caused. */
  readonly from: number;
  readonly timeoutMs: number;
  /** What is awaited, for the error. */
  readonly words: string;
  /** Called with every event in order; anything but undefined ends the wait. */
  readonly judge: (event: RolloutEvent) => T | undefined;
}

/** What `judge` made of the events. @throws TIMED_OUT, also when interrupted */
export async function awaitEvent<T>(context: CliContext, bus: Bus, wanted: Await<T>): Promise<T> {
  const { clock, signal } = context;
  const done = new AbortController();
  const late = new AbortController();
  void sleepUnless(clock, wanted.timeoutMs, done.signal, signal).then(() => late.abort());
  const topic = context.topics.control('events');
  try {
    const ends = AbortSignal.any([signal, late.signal]);
    for await (const { records } of bus.read({ topic, from: wanted.from, until: 'never', signal: ends })) {
      for (const record of records) {
        const event = eventOf(context, record);
        const verdict = event === null ? undefined : wanted.judge(event);
        if (verdict !== undefined) return verdict;
      }
    }
  } finally {
    done.abort();
  }
  requireGoing(context);
  throw new MillraceError('TIMED_OUT', { detail: `${wanted.words}: nothing within ${wanted.timeoutMs / 1000} s` });
}
