// Fetcher: keeps feeds filled, with one long poll per leader over all of its feeds that have room and are due.
// Flow: leaders → fetch answers → feeds. Used by a group consumer for all its partitions, and by each reader.
// Invariants: at most one fetch in flight per leader; a feed above its cap is left out; nothing runs while no feed wants
//             anything; a lost offset is reported and never skipped silently.

import { sleepUnless, WOKEN } from '../../domain/clock.ts';
import { MillraceError } from '../../domain/errors.ts';
import { BrokerRefusal, brokerCode, CODE, leaderMoved, transient } from './broker-errors.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Connections } from './connections.ts';
import type { Feed } from './feed.ts';
import { listOffsets } from './list-offsets.ts';
import { nextMomentMs } from './moment.ts';
import { type FetchedPartition, fetchRequest, type Isolation } from './requests/fetch.ts';

/** Queued bytes of all feeds together, and bounds of one feed's share of them. */
const QUEUED_BYTES_MAX = 64 * 1_048_576;
const FEED_BYTES_MAX = 4 * 1_048_576;
const FEED_BYTES_MIN = 1_048_576;
/** What one fetch may bring; a single larger batch comes all the same. */
const FETCH_BYTES_MAX = 8 * 1_048_576;
const PARTITION_BYTES_MAX = 1_048_576;
/** How long a poll waits for data. Short after a change, so that a feed that joins does not wait for the others. */
const POLL_MS_MIN = 20;
const POLL_MS_MAX = 160;
const FETCH_TIMEOUT_MS = 10_000;
/** A poll should have an answer long before: the other brokers are asked whether the one that owes it still lives. */
const SILENCE_MS = 1_000;

interface FetcherOptions {
  readonly view: ClusterView;
  readonly isolation: Isolation;
  /** A feed of which everything is fetched is fetched once in so long, at its partition's moment; 0: at once. */
  readonly intervalMs: number;
  /** OFFSET_LOST, refusals. The fetcher goes on. */
  readonly onError: (error: unknown, partition: number) => void;
}

export class Fetcher {
  /** Closed with the fetcher. A reader asks on them where to begin, before anything is fetched. */
  readonly connections: Connections;
  private readonly options: FetcherOptions;
  private readonly feeds = new Set<Feed>();
  private readonly polling = new Set<string>();
  private readonly closing = new AbortController();
  private pollMs = POLL_MS_MIN;
  private repairing = false;
  /** Ends the wait for the feed that is due next. */
  private waiting = new AbortController();
  private failures = 0;
  private turn = 0;

  constructor(options: FetcherOptions) {
    this.options = options;
    this.connections = options.view.open(FETCH_TIMEOUT_MS);
  }

  add(feed: Feed): void {
    this.feeds.add(feed);
  }

  remove(feed: Feed): void {
    this.feeds.delete(feed);
    feed.reset();
    // Its share is the others' now.
    this.pump();
  }

  /** Moves a feed's position and begins to fetch. */
  seek(feed: Feed, offset: number): void {
    feed.seek(offset);
    this.wake();
  }

  /** A feed has room again, or was moved: fetch what is wanted. */
  wake(): void {
    this.pollMs = POLL_MS_MIN;
    this.pump();
  }

  /** Whether a feed that was left out has room again. */
  hasRoom(feed: Feed): boolean {
    return feed.queuedBytes < this.feedBytesMax();
  }

  close(): void {
    this.closing.abort();
    for (const feed of this.feeds) feed.reset();
    this.feeds.clear();
    this.connections.close();
  }

  private feedBytesMax(): number {
    const share = Math.floor(QUEUED_BYTES_MAX / Math.max(this.feeds.size, 1));
    return Math.min(FEED_BYTES_MAX, Math.max(FEED_BYTES_MIN, share));
  }

  private pump(): void {
    if (this.closing.signal.aborted) return;
    const byLeader = new Map<string, Feed[]>();
    const nowMs = this.nowMs();
    let leaderless = false;
    for (const feed of this.feeds) {
      if (!feed.active || !this.hasRoom(feed) || feed.dueMs > nowMs) continue;
      const leader = this.options.view.leader(feed.topic, feed.partition);
      if (leader === null) leaderless = true;
      else if (!this.polling.has(leader)) byLeader.set(leader, [...(byLeader.get(leader) ?? []), feed]);
    }
    for (const [leader, feeds] of byLeader) this.poll(leader, feeds);
    if (this.options.intervalMs > 0) this.lookAgain(nowMs);
    if (leaderless) this.repair(new BrokerRefusal(CODE.LEADER_NOT_AVAILABLE, 'Fetch'));
  }

  /** One long poll. Never rejects. */
  private async poll(leader: string, feeds: Feed[]): Promise<void> {
    this.polling.add(leader);
    // The broker fills its answer in our order, so everyone is first in turn.
    const first = this.turn++ % feeds.length;
    const asked = [...feeds.slice(first), ...feeds.slice(0, first)];
    const epochs = new Map(asked.map((feed) => [feed, feed.epoch]));
    try {
      const fetched = await this.fetch(leader, asked);
      await this.accept(fetched, epochs);
    } catch (error) {
      if (brokerCode(error) === null) this.connections.drop(leader);
      await this.recover(error);
    }
    for (const feed of asked) feed.dueMs = this.dueMs(feed);
    this.polling.delete(leader);
    this.pump();
  }

  private async fetch(leader: string, feeds: readonly Feed[]): Promise<readonly FetchedPartition[]> {
    const answered = new AbortController();
    void this.lookWhileSilent(answered.signal);
    try {
      const wire = await this.connections.to(leader);
      return await wire.send(fetchRequest(this.request(feeds)));
    } finally {
      answered.abort();
    }
  }

  /** The view ends the connections to a broker that is gone. Never rejects. */
  private async lookWhileSilent(answered: AbortSignal): Promise<void> {
    const { view } = this.options;
    for (;;) {
      await view.settings.clock.sleep(SILENCE_MS, answered);
      if (answered.aborted) return;
      await view.refresh().catch(() => undefined);
    }
  }

  /** When a feed is fetched again: at once while there is more, else at its partition's next moment. */
  private dueMs(feed: Feed): number {
    const { intervalMs } = this.options;
    if (intervalMs === 0 || !feed.answered || feed.fetchOffset < feed.endOffset) return 0;
    return nextMomentMs(feed.partition, intervalMs, this.nowMs());
  }

  /** Of a clock that is never set back: nobody may wait for an hour that comes twice. */
  private nowMs(): number {
    return this.options.view.settings.clock.monotonicUs() / 1_000;
  }

  /** When the next feed is due. */
  private async lookAgain(nowMs: number): Promise<void> {
    this.waiting.abort(WOKEN);
    this.waiting = new AbortController();
    const { signal } = this.waiting;
    const later = [...this.feeds].map((feed) => feed.dueMs).filter((dueMs) => dueMs > nowMs);
    if (later.length === 0) return;
    await sleepUnless(this.options.view.settings.clock, Math.min(...later) - nowMs, signal, this.closing.signal);
    if (!signal.aborted) this.pump();
  }

  private request(feeds: readonly Feed[]) {
    const { isolation, intervalMs } = this.options;
    // Who is not in this poll, but has room or is due meanwhile, waits until it is over.
    const isBrief = intervalMs > 0 || [...this.feeds].some((feed) => feed.active && !this.hasRoom(feed));
    return {
      isolation,
      maxWaitMs: isBrief ? POLL_MS_MIN : this.pollMs,
      bytesMax: FETCH_BYTES_MAX,
      partitionBytesMax: PARTITION_BYTES_MAX,
      partitions: feeds.map(({ topic, partition, fetchOffset: offset }) => ({ topic, partition, offset })),
    };
  }

  private async accept(fetched: readonly FetchedPartition[], epochs: ReadonlyMap<Feed, number>): Promise<void> {
    const withData = fetched.filter((entry) => entry.records.length > 0).length;
    this.pollMs = withData > 0 ? POLL_MS_MIN : Math.min(this.pollMs * 2, POLL_MS_MAX);
    let failed: unknown = null;
    for (const entry of fetched) {
      const feed = find(epochs, entry);
      if (feed === null || feed.epoch !== epochs.get(feed)) continue;
      if (entry.code === 0) feed.accept(withData > 1 ? ownBytes(entry) : entry, this.options.isolation);
      else if (entry.code === CODE.OFFSET_OUT_OF_RANGE) await this.offsetLost(feed);
      else failed = this.refused(entry);
    }
    if (failed === null) this.failures = 0;
    else await this.recover(failed);
  }

  /** The offset is gone: report it and go on at what is left. */
  private async offsetLost(feed: Feed): Promise<void> {
    const { topic, partition, epoch, fetchOffset: offset } = feed;
    const { view, onError } = this.options;
    const found = await listOffsets({ view, connections: this.connections, topic }, [partition], 'earliest');
    const earliest = found.get(partition) ?? 0;
    if (feed.epoch !== epoch) return;
    onError(new MillraceError('OFFSET_LOST', { topic, partition, offset, earliest }), partition);
    feed.seek(earliest);
  }

  private refused(entry: FetchedPartition): BrokerRefusal {
    const error = new BrokerRefusal(entry.code, `Fetch of ${entry.topic}-${entry.partition}`, { topic: entry.topic });
    // A moved leader is no news; a missing right is.
    if (!leaderMoved(entry.code) && !transient(entry.code)) this.options.onError(error, entry.partition);
    return error;
  }

  private async recover(error: unknown): Promise<void> {
    this.failures++;
    await this.options.view.recover(error, this.failures, this.closing.signal);
  }

  /** Looks for leaders, once at a time. */
  private async repair(error: unknown): Promise<void> {
    if (this.repairing) return;
    this.repairing = true;
    await this.recover(error);
    this.repairing = false;
    this.pump();
  }
}

function find(epochs: ReadonlyMap<Feed, number>, entry: FetchedPartition): Feed | null {
  for (const feed of epochs.keys()) if (feed.partition === entry.partition && feed.topic === entry.topic) return feed;
  return null;
}

/** A copy, so that one partition's records do not keep every partition's bytes in memory. */
function ownBytes(entry: FetchedPartition): FetchedPartition {
  return entry.records.length === 0 ? entry : { ...entry, records: Buffer.from(entry.records) };
}
