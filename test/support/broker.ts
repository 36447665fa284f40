// Broker: the broker of this run of the integration tests, started once by broker-setup.ts.
// Use: describeWithBroker('the bus on Kafka', ({ brokers, prefix }) => { test(…) });
// Invariant: every file works under a topic prefix of its own, so that files do not meet in topics or groups.

import { randomBytes } from 'node:crypto';
import { describe, inject } from 'vitest';

export interface SharedBroker {
  /** `host:port` of every node. */
  readonly brokers: readonly string[];
  /** Topic and group prefix that no one else uses, e.g. `t3f9a1c.`. */
  readonly prefix: string;
}

/** The run's broker, or null when there is none (never under CI: the run fails before). */
export function sharedBroker(): SharedBroker | null {
  const brokers = inject('brokers');
  return brokers.length === 0 ? null : { brokers, prefix: `t${randomBytes(3).toString('hex')}.` };
}

/** Like `describe`, for tests that need the broker. Without one they are skipped and the title says why. */
export function describeWithBroker(title: string, tests: (broker: SharedBroker) => void): void {
  const broker = sharedBroker();
  if (broker === null) describe.skip(`${title} (no broker: ${inject('brokerMissing')})`, () => tests(NO_BROKER));
  else describe(title, () => tests(broker));
}

const NO_BROKER: SharedBroker = { brokers: [], prefix: '' };
