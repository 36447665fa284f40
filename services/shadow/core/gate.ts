// Gate: whether a shadow may score now. What it may not score now waits in the log.
// Flow: plan's gate, time, lag of the live road → [gateOpen] → the partition's loop.
// Invariant: pure; local times come from the gate's own time zone, so that a window moves with daylight saving as people do.

import { type Gate, type TimeWindow, WEEKDAYS } from '../../../shared/domain/shadow.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

export interface GateView {
  readonly nowMs: number;
  /** Requests that wait on the live road; null while it is not known. */
  readonly liveLag: number | null;
}

export type GateState =
  | { readonly open: false }
  /** `batch`: the run, the same for as long as the window is open; null for gates that know no runs. */
  | { readonly open: true; readonly batch: GateBatch | null };

export interface GateBatch {
  /** Local day and minute when its window began. */
  readonly name: string;
  /** The same, milliseconds since the epoch. */
  readonly beganMs: number;
}

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

/** The open window, or null. Its day is that of the calendar: counting minutes back would miss it when the clock was changed. */
function openWindow({ timeZone, windows }: Gate, nowMs: number): GateBatch | null {
  const now = localMs(timeZone, nowMs);
  const today = Math.floor(now / DAY_MS) * DAY_MS;
  for (const window of windows) {
    const [from, to] = [sinceMidnightMs(window.from), sinceMidnightMs(window.to)];
    const isOverMidnight = to <= from;
    const hasBegun = now - today >= from;
    const hasEnded = now - today >= to;
    if (isOverMidnight ? !hasBegun && hasEnded : !hasBegun || hasEnded) continue;
    const day = hasBegun ? today : today - DAY_MS;
    if (!beginsOn(window, day)) continue;
    const name = `${new Date(day).toISOString().slice(0, 10)} ${window.from}`;
    return { name, beganMs: momentOf(timeZone, day + from, nowMs) };
  }
  return null;
}

function beginsOn({ days }: TimeWindow, day: number): boolean {
  // The epoch began on a Thursday.
  const weekday = WEEKDAYS[(day / DAY_MS + 3) % WEEKDAYS.length];
  return days.length === 0 || days.some((name) => name === weekday);
}

function sinceMidnightMs(text: string): number {
  const [hours, minutes] = text.split(':').map(Number);
  return ((hours ?? 0) * 60 + (minutes ?? 0)) * MINUTE_MS;
}

/**
 * When the clock of the zone showed `local` (see `localMs`), for the first time if it did so twice; for a time that was left out,
 * a moment before the clock was changed. @param nowMs at most a day later
 */
function momentOf(timeZone: string, local: number, nowMs: number): number {
  const offsetMs = (atMs: number) => localMs(timeZone, atMs) - Math.floor(atMs / MINUTE_MS) * MINUTE_MS;
  const first = local - offsetMs(local - DAY_MS);
  return localMs(timeZone, first) === local ? first : local - offsetMs(nowMs);
}

/** What the clock of the zone shows, to the minute: milliseconds since the epoch if the zone were UTC. */
function localMs(timeZone: string, atMs: number): number {
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(atMs)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const of = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'));
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
    hour: '2-digit',
    minute: '2-digit',
  });
  formats.set(timeZone, format);
  return format;
}
