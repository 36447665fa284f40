// Gate: whether a shadow may score now. What it may not score now waits in the log.
// Flow: plan's gate, time, lag of the live road → [gateOpen] → the partition's loop.
// Invariant: pure; local times come from the gate's own time zone, so that a window moves with daylight saving as people do.

import { type Gate, type TimeWindow, WEEKDAYS } from '../../../shared/domain/shadow.ts';

const DAY_MINUTES = 1_440;
const MINUTE_MS = 60_000;

export interface GateView {
  readonly nowMs: number;
  /** Requests that wait on the live road; null while it is not known. */
  readonly liveLag: number | null;
}

export type GateState =
  | { readonly open: false }
  /** `batch`: which run it is, the same for as long as the window is open; null for gates that know no runs. */
  | { readonly open: true; readonly batch: string | null };

const CLOSED: GateState = { open: false };
const OPEN: GateState = { open: true, batch: null };

export function gateState(gate: Gate, view: GateView): GateState {
  switch (gate.kind) {
    case 'always':
      return OPEN;
    case 'low-lag':
      return view.liveLag !== null && view.liveLag < gate.maxLiveLag ? OPEN : CLOSED;
    case 'windows':
      return openWindow(gate, view.nowMs) === null ? CLOSED : OPEN;
    case 'batch': {
      const began = openWindow(gate, view.nowMs);
      return began === null ? CLOSED : { open: true, batch: began };
    }
  }
}

/** Name of the open window by the day and minute when it began, or null. */
function openWindow(gate: Gate, nowMs: number): string | null {
  const now = localTime(gate.timeZone, nowMs);
  for (const window of gate.windows) {
    const from = minutesOf(window.from);
    const minutes = (minutesOf(window.to) - from + DAY_MINUTES) % DAY_MINUTES || DAY_MINUTES;
    const since = (now.minutes - from + DAY_MINUTES) % DAY_MINUTES;
    if (since >= minutes) continue;
    const began = localTime(gate.timeZone, nowMs - since * MINUTE_MS);
    if (beginsOn(window, began.weekday ?? '')) return `${began.date} ${window.from}`;
  }
  return null;
}

function beginsOn({ days }: TimeWindow, weekday: string): boolean {
  return days.length === 0 || days.some((day) => day === weekday);
}

function minutesOf(text: string): number {
  const [hours, minutes] = text.split(':').map(Number);
  return (hours ?? 0) * 60 + (minutes ?? 0);
}

interface LocalTime {
  /** `2026-11-26` */
  readonly date: string;
  readonly weekday: (typeof WEEKDAYS)[number] | undefined;
  /** Since midnight. */
  readonly minutes: number;
}

function localTime(timeZone: string, atMs: number): LocalTime {
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(atMs)
      .map(({ type, value }) => [type, value]),
  );
  const of = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? '';
  return {
    date: `${of('year')}-${of('month')}-${of('day')}`,
    weekday: WEEKDAYS.find((day) => day === of('weekday').toLowerCase()),
    minutes: Number(of('hour')) * 60 + Number(of('minute')),
  };
}

// Making a formatter takes longer than using it a thousand times. A cache, so purity is not lost.
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
  });
  formats.set(timeZone, format);
  return format;
}
