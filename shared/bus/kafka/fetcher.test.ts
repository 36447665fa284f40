// Goal: who can wait asks the brokers at most once per interval, and yet never waits for what is there already.
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

/** Records of the one partition: each is a batch of its own. */
let written = 0;
let clock = new VirtualClock();
const fetches: { readonly atMs: number; readonly offset: number }[] = [];

vi.mock('./requests/fetch.ts', () => ({ fetchRequest: (options: FetchOptions) => options }));
vi.mock('./connections.ts', () => ({
  Connections: class {
    to = async () => ({ send });
    close() {}
  },
}));

async function send({ maxWaitMs, partitions }: FetchOptions) {
  const offset = partitions[0]?.offset ?? 0;
  fetches.push({ atMs: clock.nowMs(), offset });
  if (offset >= written) await clock.sleep(maxWaitMs);
  const records = offset < written ? dataBatch({ offset, records: ['a'] }) : Buffer.alloc(0);
  const ends = { highWatermark: written, lastStableOffset: written };
  return [{ topic: 'things', partition: 0, code: 0, ...ends, aborted: [], records }];
}

function fetching(intervalMs: number): { readonly fetcher: Fetcher; readonly feed: Feed } {
  const view = new ClusterView(settingsOf({ brokers: ['b:1'], clientId: 'test', clock, onNotice: () => {} }));
  vi.spyOn(view, 'leader').mockReturnValue('b:1');
  const fetcher = new Fetcher({ view, isolation: 'read_committed', intervalMs, onError: () => {} });
  const feed = new Feed('things', 0);
  fetcher.add(feed);
  fetcher.seek(feed, 0);
  return { fetcher, feed };
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
  expect(fetches.at(1)).toEqual({ atMs: movedMs, offset: 0 });
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
