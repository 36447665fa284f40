// Goal: a read that a broker refuses for good ends with the refusal, though no feed ever changes.
// Method: offsets and fetcher are stood in for; what they say comes from the test.

import { expect, test, vi } from 'vitest';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { BrokerRefusal } from './broker-errors.ts';
import { ClusterView } from './cluster-view.ts';
import { settingsOf } from './options.ts';
import { readTopic } from './reader.ts';

const TOPIC_AUTHORIZATION_FAILED = 29;
const refusals: ((error: unknown, partition: number) => void)[] = [];

vi.mock('./list-offsets.ts', () => ({
  boundsOf: async () => new Map([[0, { start: 0, end: 5 }]]),
}));
vi.mock('./fetcher.ts', () => ({
  Fetcher: class {
    constructor({ onError }: { onError: (error: unknown, partition: number) => void }) {
      refusals.push(onError);
    }
    add() {}
    remove() {}
    wake() {}
    hasRoom = () => true;
    close() {}
  },
}));

test('a lasting refusal wakes and ends a read that waits for its end', async () => {
  const clock = new VirtualClock();
  const view = new ClusterView(settingsOf({ brokers: ['b:1'], clientId: 'test', clock, onNotice: () => {} }));
  vi.spyOn(view, 'track').mockResolvedValue(undefined);
  vi.spyOn(view, 'partitionsSeen').mockReturnValue(1);
  const batches = readTopic(view, { topic: 'things', from: 'earliest', until: 'end' }, new AbortController().signal);
  const outcome = batches.next().catch((error: unknown) => error);
  await clock.settle();
  refusals[0]?.(new BrokerRefusal(TOPIC_AUTHORIZATION_FAILED, 'Fetch of things-0'), 0);
  await clock.settle();
  expect(await Promise.race([outcome, 'still waiting'])).toMatchObject({ code: 'ACCESS_DENIED' });
});
