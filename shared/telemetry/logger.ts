// Logger: the only user of pino. Writes to standard error, because standard output belongs to results.
// Flow: `log(event, fields)` → level and burst check → one JSON line (or one line for people).
// Invariant: logging never throws and never waits for anything but a write of the line.

import pino from 'pino';
import type { Clock } from '../domain/clock.ts';
import { errorText, MillraceError } from '../domain/errors.ts';
import { EVENTS, type EventFields, type EventName, type LogLevel } from './events.ts';

/** Logs one event of the catalogue (events.ts). */
export type Log = <Name extends EventName>(event: Name, fields: EventFields[Name]) => void;

/** For tests and tools that have nothing to say. */
export const silentLog: Log = () => undefined;

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly clock: Clock;
  /** `json` (default) for machines, `text` for people: time, level, sentence, error. */
  readonly format?: 'json' | 'text';
  /** Where lines go, ended by a newline. Default: standard error, synchronously. */
  readonly write?: (line: string) => void;
}

const STDERR = 2;
/** Burst counters kept: names × endpoints; the oldest is forgotten beyond that. */
const BURSTS_MAX = 1_000;

/** A log whose lines carry `atMs` (milliseconds since the epoch), `level`, `event`, the fields and `msg`. */
export function createLog(options: LoggerOptions): Log {
  const { clock } = options;
  const write = options.write ?? ((line: string) => stderr.write(line));
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"atMs":${clock.nowMs()}`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: options.format === 'text' ? (line: string) => write(textLine(line)) : write },
  );
  const bursts = burstCounter(clock);
  return (event, fields) => {
    const { level, sentence, everyMs, brief } = EVENTS[event];
    const values: Readonly<Record<string, unknown>> = { ...(brief === undefined ? fields : brief(fields)) };
    const leftOut = everyMs === undefined ? 0 : bursts(`${event} ${String(values.endpoint ?? '')}`, everyMs);
    if (leftOut === null) return;
    const loggable = { event, ...values, ...('error' in values ? { error: errorFields(values.error) } : {}) };
    logger[level](leftOut === 0 ? loggable : { ...loggable, leftOut }, fill(sentence, values));
  };
}

const stderr = pino.destination({ dest: STDERR, sync: true });

/** @returns how many of this kind were left out since the last one, or null when this one is to be left out. */
function burstCounter(clock: Clock): (kind: string, everyMs: number) => number | null {
  const bursts = new Map<string, { readonly untilMs: number; leftOut: number }>();
  return (kind, everyMs) => {
    const nowMs = clock.nowMs();
    const burst = bursts.get(kind);
    if (burst !== undefined && nowMs < burst.untilMs) {
      burst.leftOut++;
      return null;
    }
    bursts.delete(kind);
    bursts.set(kind, { untilMs: nowMs + everyMs, leftOut: 0 });
    const [oldest] = bursts.keys();
    if (bursts.size > BURSTS_MAX && oldest !== undefined) bursts.delete(oldest);
    return burst?.leftOut ?? 0;
  };
}

/** What is logged of a thrown value. A stack only where it is our own fault. */
function errorFields(error: unknown): Readonly<Record<string, unknown>> {
  if (error instanceof MillraceError && error.kind !== 'bug') {
    return { code: error.code, kind: error.kind, message: error.message, action: error.action };
  }
  return {
    code: 'ASSERTION',
    kind: 'bug',
    message: errorText(error),
    stack: error instanceof Error ? error.stack : '',
  };
}

function fill(sentence: string, values: Readonly<Record<string, unknown>>): string {
  return sentence.replace(/\{(\w+)\}/g, (_whole, name: string) => String(values[name]));
}

/** One line for people out of a JSON line of ours. */
function textLine(line: string): string {
  const { atMs, level, msg, error, leftOut } = JSON.parse(line);
  const time = new Date(atMs).toISOString().slice(11, 23);
  const reason = error === undefined ? '' : ` (${error.code}: ${error.message})`;
  const more = leftOut === undefined ? '' : ` (and ${leftOut} more like it)`;
  return `${time} ${String(level).padEnd(5)} ${msg}${reason}${more}\n`;
}
