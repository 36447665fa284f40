// Goal: a broker that hangs is not waited for once the others no longer count it among the living; who coordinates is asked once.
// Method: brokers that are stood in for; one of them stops answering, and its connections stay open.

import { beforeEach, expect, it, vi } from 'vitest';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { ClusterView } from './cluster-view.ts';
import { Feed } from './feed.ts';
import { Fetcher } from './fetcher.ts';
import { settingsOf } from './options.ts';

const TIMEOUT_MS = 10_000;
const FENCED_AFTER_MS = 3_000;

let clock = new VirtualClock();
let hangingSinceMs = Number.POSITIVE_INFINITY;
const asked: { readonly address: string; readonly atMs: number }[] = [];

vi.mock('./requests/metadata.ts', () => ({ metadataRequest: () => 'metadata' }));
vi.mock('./requests/fetch.ts', () => ({ fetchRequest: () => 'fetch' }));
vi.mock('./connections.ts', () => ({
  Connections: class {
    readonly dropped = new Map<string, () => void>();
    to = async (address: string) => ({
      send: (request: string) => this.send(address, request),
      broker: { findGroupCoordinator },
    });
    drop = (address: string) => this.dropped.get(address)?.();
    close() {}
    async send(address: string, request: string) {
      asked.push({ address, atMs: clock.nowMs() });
      if (address === 'one:1' && clock.nowMs() >= hangingSinceMs) {
        const dropped = new Promise<void>((resolve) => this.dropped.set(address, resolve));
        await Promise.race([dropped, clock.sleep(TIMEOUT_MS)]);
        throw new RangeError('no answer');
      }
      if (request === 'metadata') return metadata();
      await clock.sleep(20);
      return [];
    }
  },
}));

const lookups: string[] = [];

async function findGroupCoordinator({ groupId }: { groupId: string }) {
  lookups.push(groupId);
  await clock.sleep(20);
  return { coordinator: { nodeId: 2 } };
}

function metadata() {
  const gone = clock.nowMs() >= hangingSinceMs + FENCED_AFTER_MS;
  const addresses = new Map(gone ? [[2, 'two:1']] : [[1, 'one:1'] as const, [2, 'two:1'] as const]);
  const topics = [{ topic: 'things', code: 0, internal: false, leaders: [gone ? 2 : 1] }];
  return { addresses, controllerId: 2, topics };
}

beforeEach(() => {
  clock = new VirtualClock();
  hangingSinceMs = Number.POSITIVE_INFINITY;
  asked.length = 0;
});

it('a fetch from a broker that hangs ends soon after the broker was fenced, and goes on at the new leader', async () => {
  const view = new ClusterView(settingsOf({ brokers: ['one:1'], clientId: 'test', clock, onNotice: () => {} }));
  const tracking = view.track('things');
  await clock.advance(1);
  await tracking;
  const fetcher = new Fetcher({ view, isolation: 'read_committed', intervalMs: 0, onError: () => {} });
  const feed = new Feed('things', 0);
  fetcher.add(feed);
  fetcher.seek(feed, 0);
  await clock.advance(1_000);
  hangingSinceMs = clock.nowMs();
  asked.length = 0;
  await clock.advance(FENCED_AFTER_MS + 2_000);
  fetcher.close();
  const fetchedAgain = asked.filter(({ address }) => address === 'two:1').length;
  const lastOfTheHanging = asked.filter(({ address }) => address === 'one:1').at(-1);
  expect(fetchedAgain).toBeGreaterThan(20);
  expect(lastOfTheHanging?.atMs).toBeLessThan(hangingSinceMs + FENCED_AFTER_MS + 1_000);
});

it('a coordinator that several ask for at once is looked up once', async () => {
  const view = new ClusterView(settingsOf({ brokers: ['one:1'], clientId: 'test', clock, onNotice: () => {} }));
  const found = Promise.all([view.coordinator('group', 'g'), view.coordinator('group', 'g')]);
  await clock.advance(100);
  expect(await found).toEqual(['two:1', 'two:1']);
  expect(lookups).toEqual(['g']);
  view.forgetCoordinator('group', 'g');
  const again = view.coordinator('group', 'g');
  await clock.advance(100);
  expect(await again).toBe('two:1');
  expect(lookups).toEqual(['g', 'g']);
});
