// Read: records and tables of topics, for one command that ends.
// Invariant: an interrupted read throws; half of a topic is never taken for all of it.

import type { Bus, ReadOptions } from '../../shared/bus/bus.ts';
import { errorText, MillraceError } from '../../shared/domain/errors.ts';
import type { InRecord } from '../../shared/domain/record.ts';
import type { CliContext } from './context.ts';

const decoder = new TextDecoder();

/** Offsets beyond the wanted records that are looked at first: markers of transactions have offsets too. */
const MARKER_ROOM = 16;
const WINDOW_GROWTH = 8;

/** Records of a topic up to its end now, batch by batch. @throws TIMED_OUT when interrupted; TOPIC_UNKNOWN */
export async function* readToEnd(
  context: Pick<CliContext, 'signal'>,
  bus: Bus,
  options: Omit<ReadOptions, 'until' | 'signal'>,
): AsyncGenerator<readonly InRecord[], void, void> {
  for await (const { records } of bus.read({ ...options, until: 'end', signal: context.signal })) {
    if (records.length > 0) yield records;
  }
  requireGoing(context);
}

/** @throws TIMED_OUT when Ctrl-C was pressed */
export function requireGoing({ signal }: Pick<CliContext, 'signal'>): void {
  if (signal.aborted) throw new MillraceError('TIMED_OUT', { detail: 'interrupted' });
}

/** Newest value per key of a compacted topic; a record that cannot be read is told and left out. */
export async function readTable<T>(
  context: Pick<CliContext, 'signal' | 'say'>,
  bus: Bus,
  table: { readonly topic: string; readonly decode: (record: InRecord) => T },
): Promise<Map<string, T>> {
  const values = new Map<string, T>();
  for await (const records of readToEnd(context, bus, { topic: table.topic, from: 'earliest' })) {
    for (const record of records) {
      const key = decoder.decode(record.key ?? new Uint8Array());
      const value = record.value === null ? null : readable(context, record, table.decode);
      if (record.value === null) values.delete(key);
      else if (value !== null) values.set(key, value);
    }
  }
  return values;
}

/** A word about a record that cannot be read. */
export function sayLeftOut(context: Pick<CliContext, 'say'>, record: InRecord, error: unknown): void {
  context.say(`left out: ${record.topic}-${record.partition}@${record.offset}: ${errorText(error)}`);
}

/** The decoded record, or null after a word about what is wrong with it. */
export function readable<T>(
  context: Pick<CliContext, 'say'>,
  record: InRecord,
  decode: (record: InRecord) => T,
): T | null {
  try {
    return decode(record);
  } catch (error) {
    sayLeftOut(context, record, error);
    return null;
  }
}

/** The newest records of a topic, oldest first, and where each partition goes on. */
export async function readLast(
  context: Pick<CliContext, 'signal'>,
  bus: Bus,
  want: { readonly topic: string; readonly limit: number },
): Promise<{ readonly records: InRecord[]; readonly next: Map<number, number> }> {
  const { topic, limit } = want;
  const places = await bus.admin.offsets(topic);
  const next = new Map(places.map(({ partition, end }) => [partition, end]));
  const earliest = places.map((place) => place.earliest);
  for (let window = 2 * limit + MARKER_ROOM; ; window *= WINDOW_GROWTH) {
    const from = new Map(
      places.map(({ partition, end, earliest: first }) => [partition, Math.max(first, end - window)]),
    );
    const records: InRecord[] = [];
    for await (const batch of readToEnd(context, bus, { topic, from })) records.push(...batch);
    const whole = places.every(({ partition }, index) => (from.get(partition) ?? 0) <= (earliest[index] ?? 0));
    if (records.length >= limit || whole) {
      records.sort((a, b) => a.timestampMs - b.timestampMs || a.partition - b.partition || a.offset - b.offset);
      return { records: records.slice(-limit), next };
    }
  }
}
