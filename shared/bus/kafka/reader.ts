// Reader: partitions read without a group, as the port's `Bus.read`.
// Flow: offsets → fetcher → batches, partition after partition, until the ends fixed at the start or until aborted.
// Invariants: the first batch of each partition comes even when empty, a later one when the position has moved;
//             an outage is waited out; what is queued is bounded by the fetcher.

import { errorText, MillraceError } from '../../domain/errors.ts';
import type { InRecord } from '../../domain/record.ts';
import type { ReadBatch, ReadOptions } from '../bus.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Connections } from './connections.ts';
import { Feed } from './feed.ts';
import { Fetcher } from './fetcher.ts';
import { boundsOf } from './list-offsets.ts';

const BATCH_RECORDS_MAX = 1_000;
const BATCH_BYTES_MAX = 1_048_576;
/** Why a topic cannot be read, however long one waits. */
const LASTING: ReadonlySet<string> = new Set(['TOPIC_UNKNOWN', 'ACCESS_DENIED']);

interface Cursor {
  readonly feed: Feed;
  /** Where to stop; null: never. */
  readonly end: number | null;
  /** High watermark when the read began. */
  readonly knownEnd: number;
  position: number;
  begun: boolean;
}

/**
 * @param closing aborts when the bus closes
 * @throws TOPIC_UNKNOWN, ACCESS_DENIED, BATCH_UNREADABLE, BROKER_REFUSED when the refusal is a lasting one
 */
export async function* readTopic(
  view: ClusterView,
  options: ReadOptions,
  closing: AbortSignal,
): AsyncGenerator<ReadBatch, void, void> {
  const signal = options.signal === undefined ? closing : AbortSignal.any([options.signal, closing]);
  const isolation = options.isolation ?? 'read_committed';
  const failed: unknown[] = [];
  const changes = changesOf(signal);
  const onError = (error: unknown) => {
    // OFFSET_LOST was dealt with: a reader has no owner to tell, it goes on at the earliest.
    if (error instanceof MillraceError && error.code === 'OFFSET_LOST') return;
    failed.push(error);
    changes.wake();
  };
  const fetcher = new Fetcher({ view, isolation, intervalMs: options.fetchIntervalMs ?? 0, onError });
  try {
    const cursors = await openCursors({ view, connections: fetcher.connections }, options, signal);
    for (const { feed, position } of cursors) {
      feed.onChange = changes.wake;
      fetcher.add(feed);
      feed.seek(position);
    }
    for (const cursor of cursors) if (finished(cursor)) fetcher.remove(cursor.feed);
    fetcher.wake();
    while (!signal.aborted) {
      if (failed.length > 0) throw failed[0];
      const change = changes.next();
      let moved = false;
      for (const cursor of cursors) {
        const batch = nextBatch(cursor, fetcher);
        if (batch === null) continue;
        moved = true;
        yield batch;
        if (signal.aborted) return;
      }
      if (cursors.every((cursor) => cursor.begun && finished(cursor))) return;
      if (!moved) await change;
    }
  } finally {
    changes.end();
    fetcher.close();
  }
}

/** A promise for the next change of any feed, a `wake`, or the signal. */
function changesOf(signal: AbortSignal) {
  let poke: () => void = () => undefined;
  const onChange = () => poke();
  signal.addEventListener('abort', onChange);
  return {
    /** Taken before looking, so that no change between looking and waiting is missed. */
    next: () =>
      new Promise<void>((resolve) => {
        poke = resolve;
      }),
    wake: onChange,
    end: () => signal.removeEventListener('abort', onChange),
  };
}

/** Null when there is nothing new to say. */
function nextBatch(cursor: Cursor, fetcher: Fetcher): ReadBatch | null {
  const { feed, end } = cursor;
  if (cursor.begun && finished(cursor)) return null;
  const records: InRecord[] = [];
  const hadRoom = fetcher.hasRoom(feed);
  feed.drain({ records: BATCH_RECORDS_MAX, bytes: BATCH_BYTES_MAX }, records);
  if (!hadRoom && fetcher.hasRoom(feed)) fetcher.wake();
  const moved = feed.nextOffset > cursor.position;
  // Nothing lies between the position and the end as it was: no need to wait for an answer to say so.
  const emptyAtStart = !cursor.begun && (feed.answered || cursor.position >= cursor.knownEnd);
  if (!moved && !emptyAtStart) return null;
  cursor.begun = true;
  cursor.position = end === null ? Math.max(feed.nextOffset, cursor.position) : Math.min(feed.nextOffset, end);
  const within = end === null ? records : records.filter((record) => record.offset < end);
  if (finished(cursor)) fetcher.remove(feed);
  const endOffset = Math.max(feed.endOffset, feed.answered ? 0 : cursor.knownEnd);
  return { partition: feed.partition, records: within, nextOffset: cursor.position, endOffset };
}

function finished({ end, position }: Cursor): boolean {
  return end !== null && position >= end;
}

async function openCursors(
  { view, connections }: { readonly view: ClusterView; readonly connections: Connections },
  options: ReadOptions,
  signal: AbortSignal,
): Promise<Cursor[]> {
  const { topic, until } = options;
  await trackUntilReached(view, topic, signal);
  const count = view.partitionsSeen(topic);
  const partitions = options.partitions ?? Array.from({ length: count }, (_, i) => i);
  const unknown = partitions.find((partition) => partition >= count);
  if (unknown !== undefined) throw new MillraceError('TOPIC_UNKNOWN', { topic: `${topic}-${unknown}` });
  const bounds = await boundsOf({ view, connections, topic }, { partitions, from: options.from }, signal);
  return partitions.flatMap((partition) => {
    const known = bounds.get(partition);
    if (known === undefined) return [];
    const { start, end } = known;
    const feed = new Feed(topic, partition);
    return [{ feed, end: until === 'end' ? end : null, knownEnd: end, position: start, begun: false }];
  });
}

/** @throws TOPIC_UNKNOWN, ACCESS_DENIED */
export async function trackUntilReached(view: ClusterView, topic: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await view.track(topic);
      return;
    } catch (error) {
      if (error instanceof MillraceError && LASTING.has(error.code)) throw error;
      await view.refreshUntilReached(signal);
    }
  }
  throw new MillraceError('BROKER_UNREACHABLE', { brokers: '', detail: errorText(signal.reason) });
}
