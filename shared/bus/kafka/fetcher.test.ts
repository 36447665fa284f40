// Goal: who can wait asks the brokers once per interval and partition, and yet never waits for what is there already.
// Method: a broker that is stood in for gives one batch per fetch, and waits as long as it may when there is none.

import { beforeEach, expect, test, vi } from 'vitest';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { ClusterView } from './cluster-view.ts';
import { Feed } from './feed.ts';
import { Fetcher } from './fetcher.ts';
import { dataBatch } from './internals/hand-built-batches.ts';
import { settingsOf } from './options.ts';
import type { FetchOptions } from './requests/fetch.ts';

const INTERVAL_MS = 1_000;

/** Records of each partition: each is a batch of its own. */
let written = 0;
let clock = new VirtualClock();
const fetches: { readonly atMs: number; readonly offset: number; readonly asked: readonly number[] }[] = [];

vi.mock('./requests/fetch.ts', () => ({ fetchRequest: (options: FetchOptions) => options }));
vi.mock('./connections.ts', () => ({
  Connections: class {
    to = async () => ({ send });
    close() {}
  },
}));

async function send({ maxWaitMs, partitions }: FetchOptions) {
  const [first] = partitions;
  fetches.push({
    atMs: clock.nowMs(),
    offset: first?.offset ?? 0,
    asked: partitions.map(({ partition }) => partition),
  });
  if (partitions.every(({ offset }) => offset >= written)) await clock.sleep(maxWaitMs);
  return partitions.map(({ partition, offset }) => {
    const records = offset < written ? dataBatch({ offset, records: ['a'] }) : Buffer.alloc(0);
    const ends = { highWatermark: written, lastStableOffset: written };
    return { topic: 'things', partition, code: 0, ...ends, aborted: [], records };
  });
}

function fetching(intervalMs: number, partitions = 1) {
  const view = new ClusterView(settingsOf({ brokers: ['b:1'], clientId: 'test', clock, onNotice: () => {} }));
  vi.spyOn(view, 'leader').mockReturnValue('b:1');
  const fetcher = new Fetcher({ view, isolation: 'read_committed', intervalMs, onError: () => {} });
  const feed = new Feed('things', 0);
  const feeds = [feed, ...Array.from({ length: partitions - 1 }, (_, i) => new Feed('things', i + 1))];
  for (const each of feeds) {
    fetcher.add(each);
    fetcher.seek(each, 0);
  }
  return { fetcher, feed, feeds };
}

beforeEach(() => {
  written = 0;
  clock = new VirtualClock();
  fetches.length = 0;
});

test('with an interval, new records are fetched once per interval', async () => {
  const { fetcher, feed } = fetching(INTERVAL_MS);
  for (let ms = 0; ms < 10 * INTERVAL_MS; ms += 100) {
    await clock.advance(100);
    // As much as was written since the last time fits into one fetch.
    written = Math.max(written, feed.fetchOffset + 1);
  }
  fetcher.close();
  expect(fetches.length).toBeGreaterThanOrEqual(10);
  expect(fetches.length).toBeLessThanOrEqual(12);
});

test('with an interval, each partition is fetched at a moment of its own', async () => {
  const { fetcher } = fetching(INTERVAL_MS, 6);
  await clock.advance(INTERVAL_MS);
  fetches.length = 0;
  await clock.advance(3 * INTERVAL_MS);
  fetcher.close();
  const moments = new Map<number, Set<number>>();
  for (const { atMs, asked } of fetches) {
    expect(asked).toHaveLength(1);
    for (const partition of asked) {
      moments.set(partition, (moments.get(partition) ?? new Set()).add(Math.round(atMs % INTERVAL_MS)));
    }
  }
  const all = [...moments.values()].flatMap((each) => [...each]).sort((a, b) => a - b);
  expect(fetches).toHaveLength(18);
  expect(all).toHaveLength(6);
  for (const [i, moment] of all.entries())
    if (i > 0) expect(moment - (all[i - 1] ?? 0)).toBeGreaterThan(INTERVAL_MS / 20);
});

test('what is there already is fetched without a wait', async () => {
  written = 50;
  const { fetcher, feed } = fetching(INTERVAL_MS);
  await clock.until(() => feed.fetchOffset === written, 0);
  fetcher.close();
  expect(fetches.map(({ offset }) => offset).slice(0, 3)).toEqual([0, 1, 2]);
});

test('a feed that is moved is fetched at once, however lately the last fetch was', async () => {
  written = 1;
  const { fetcher, feed } = fetching(INTERVAL_MS);
  await clock.until(() => feed.fetchOffset === 1);
  const movedMs = clock.nowMs();
  fetcher.seek(feed, 0);
  await clock.until(() => feed.fetchOffset === 1);
  fetcher.close();
  expect(fetches.at(1)).toMatchObject({ atMs: movedMs, offset: 0 });
});

test('feeds that were full go on when others leave them their share', async () => {
  const { fetcher, feeds } = fetching(0, 32);
  for (const feed of feeds) feed.queuedBytes = 3 * 1_048_576;
  await clock.advance(INTERVAL_MS);
  const whileFull = fetches.length;
  await clock.advance(INTERVAL_MS);
  expect(fetches).toHaveLength(whileFull);
  written = 5;
  for (const feed of feeds.splice(16)) fetcher.remove(feed);
  await clock.until(() => feeds.every(({ fetchOffset }) => fetchOffset === written));
  fetcher.close();
});

test('without an interval, a new record is fetched as soon as the broker has it', async () => {
  const { fetcher, feed } = fetching(0);
  await clock.advance(5 * INTERVAL_MS);
  const before = fetches.length;
  written = 1;
  await clock.until(() => feed.fetchOffset === 1, 2 * 160);
  fetcher.close();
  expect(before).toBeGreaterThan(5);
});
