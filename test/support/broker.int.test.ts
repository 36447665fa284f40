// Goal: the run's broker is there, for whoever asks.
// Method: the probe, so that this does not depend on a client.

import { expect, test } from 'vitest';
import { brokerCount } from '../../shared/broker/probe.ts';
import { describeWithBroker, sharedBroker } from './broker.ts';

describeWithBroker('the broker of the run', ({ brokers, prefix }) => {
  test('answers', async () => {
    expect(await brokerCount(brokers[0] ?? '')).toBeGreaterThanOrEqual(1);
  });

  test('is given with a prefix that differs from caller to caller', () => {
    expect(sharedBroker()?.prefix).not.toBe(prefix);
  });
});
