// ReadJournal: the controller's state from millrace.events, from the newest snapshot on.
// Flow: fence → readJournal → resume. Earlier owners are fenced, so the high watermark is the end of all they wrote.
// Invariant: the same state as folding the whole journal (property test of core/).

import type { Bus } from '../../shared/bus/bus.ts';
import { decodeControl } from '../../shared/codec/control.ts';
import type { RolloutEvent } from '../../shared/domain/event.ts';
import { evolve } from './core/evolve.ts';
import { beginsSnapshot, SNAPSHOT_EVENTS } from './core/snapshot.ts';
import { type ControllerState, emptyState } from './core/state.ts';

/** Offsets read at first: events and transaction markers since the last snapshot fit. */
const WINDOW_OFFSETS = 8 * SNAPSHOT_EVENTS;
const WINDOW_GROWTH = 8;

export interface ReadJournalOptions {
  readonly bus: Bus;
  readonly topic: string;
  readonly signal: AbortSignal;
  /** A record that is not ours: it is left out. */
  readonly onProblem: (error: unknown) => void;
}

/** @throws TOPIC_UNKNOWN; BROKER_UNREACHABLE */
export async function readJournal(options: ReadJournalOptions): Promise<ControllerState> {
  const [place] = await options.bus.admin.offsets(options.topic);
  const { earliest = 0, end = 0 } = place ?? {};
  for (let window = WINDOW_OFFSETS; ; window *= WINDOW_GROWTH) {
    const from = Math.max(earliest, end - window);
    const events = await readEvents(options, from);
    const begin = events.findLastIndex(beginsSnapshot);
    if (begin >= 0) return fold(events.slice(begin), options);
    if (from === earliest) return fold(events, options);
  }
}

async function readEvents(options: ReadJournalOptions, from: number): Promise<RolloutEvent[]> {
  const { bus, topic, signal, onProblem } = options;
  const events: RolloutEvent[] = [];
  for await (const batch of bus.read({ topic, from, until: 'end', signal })) {
    for (const record of batch.records) {
      try {
        events.push(decodeControl('event', record));
      } catch (error) {
        onProblem(error);
      }
    }
  }
  return events;
}

/** An event that does not follow from the ones before was not written by a controller; it is left out. */
function fold(events: readonly RolloutEvent[], options: ReadJournalOptions): ControllerState {
  return events.reduce((state, event) => {
    try {
      return evolve(state, event);
    } catch (error) {
      options.onProblem(error);
      return state;
    }
  }, emptyState);
}
