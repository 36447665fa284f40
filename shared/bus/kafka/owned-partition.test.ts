// Goal: a takeover waits for the slowest of its brokers, not for one after another.
// Method: connections and coordinators are stood in for, and the membership never answers.

import { expect, test, vi } from 'vitest';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { ClusterView } from './cluster-view.ts';
import { Fetcher } from './fetcher.ts';
import { Membership } from './membership.ts';
import { settingsOf } from './options.ts';
import { KafkaPartition } from './owned-partition.ts';
import { BatchLimits } from './produce.ts';

const reached: string[] = [];

vi.mock('./connections.ts', () => ({
  Connections: class {
    to = async (address: string) => {
      reached.push(address);
      return {};
    };
    close() {}
  },
}));

test('leader and coordinators are reached while the membership is still being confirmed', async () => {
  const clock = new VirtualClock();
  const view = new ClusterView(settingsOf({ brokers: ['b:1'], clientId: 'test', clock, onNotice: () => {} }));
  vi.spyOn(view, 'leader').mockReturnValue('leader:1');
  vi.spyOn(view, 'coordinator').mockImplementation(async (kind, id) => `${kind} of ${id}`);
  const place = { group: 'workers', topic: 'things' };
  const onError = () => {};
  const membership = new Membership({ view, ...place, onAssigned: () => {}, onError });
  vi.spyOn(membership, 'confirm').mockReturnValue(new Promise(() => {}));
  const fetcher = new Fetcher({ view, isolation: 'read_committed', intervalMs: 0, onError });
  const owner = {
    view,
    membership,
    fetcher,
    limits: new BatchLimits(),
    ...place,
    delivery: 'exactly-once',
    onError,
  } as const;
  const owned = new KafkaPartition(owner, 3, new AbortController().signal);
  void owned.fence();
  await clock.settle();
  expect([...reached].sort()).toEqual(['group of workers', 'leader:1', 'transaction of workers.things-3']);
});
