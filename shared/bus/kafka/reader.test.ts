// Goal: a read that a broker refuses for good ends with the refusal, though no feed ever changes; a read has one set of connections.
// Method: offsets and fetcher are stood in for; what they say comes from the test.

import { beforeEach, expect, test, vi } from 'vitest';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { BrokerRefusal } from './broker-errors.ts';
import { ClusterView } from './cluster-view.ts';
import { settingsOf } from './options.ts';
import { readTopic } from './reader.ts';

const TOPIC_AUTHORIZATION_FAILED = 29;
const refusals: ((error: unknown, partition: number) => void)[] = [];
/** Where offsets were asked, and where records are fetched. */
const asked: unknown[] = [];
const fetching: unknown[] = [];

vi.mock('./list-offsets.ts', () => ({
  boundsOf: async ({ connections }: { connections: unknown }) => {
    asked.push(connections);
    return new Map([[0, { start: 0, end: 5 }]]);
  },
}));
vi.mock('./fetcher.ts', () => ({
  Fetcher: class {
    readonly connections: { close(): void };
    constructor({ view, onError }: { view: ClusterView; onError: (error: unknown, partition: number) => void }) {
      this.connections = view.open(1_000);
      refusals.push(onError);
      fetching.push(this.connections);
    }
    add() {}
    remove() {}
    wake() {}
    hasRoom = () => true;
    close() {
      this.connections.close();
    }
  },
}));

function viewOf(clock: VirtualClock): ClusterView {
  const view = new ClusterView(settingsOf({ brokers: ['b:1'], clientId: 'test', clock, onNotice: () => {} }));
  vi.spyOn(view, 'track').mockResolvedValue(undefined);
  vi.spyOn(view, 'partitionsSeen').mockReturnValue(1);
  return view;
}

beforeEach(() => {
  for (const list of [refusals, asked, fetching]) list.length = 0;
});

test('a lasting refusal wakes and ends a read that waits for its end', async () => {
  const clock = new VirtualClock();
  const source = { topic: 'things', from: 'earliest', until: 'end' } as const;
  const batches = readTopic(viewOf(clock), source, new AbortController().signal);
  const outcome = batches.next().catch((error: unknown) => error);
  await clock.settle();
  refusals[0]?.(new BrokerRefusal(TOPIC_AUTHORIZATION_FAILED, 'Fetch of things-0'), 0);
  await clock.settle();
  expect(await Promise.race([outcome, 'still waiting'])).toMatchObject({ code: 'ACCESS_DENIED' });
});

test('records are fetched on the connections on which the offsets were asked', async () => {
  const clock = new VirtualClock();
  const source = { topic: 'things', from: 'earliest', until: 'never' } as const;
  void readTopic(viewOf(clock), source, new AbortController().signal).next();
  await clock.settle();
  expect(asked).toHaveLength(1);
  expect(fetching).toEqual(asked);
});

test('a read that cannot begin leaves no connection behind', async () => {
  const view = viewOf(new VirtualClock());
  const opened = vi.spyOn(view, 'open');
  const source = { topic: 'things', partitions: [7], from: 'earliest', until: 'end' } as const;
  const begun = readTopic(view, source, new AbortController().signal).next();
  await expect(begun).rejects.toMatchObject({ code: 'TOPIC_UNKNOWN' });
  const [{ value: connections } = {}] = opened.mock.results;
  await expect(connections.to('b:1')).rejects.toMatchObject({
    code: 'BROKER_UNREACHABLE',
    message: expect.stringContaining('is closed'),
  });
});
