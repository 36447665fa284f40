// BrokerSetup: one broker for a whole run of the integration tests (vitest globalSetup).
// Flow: vitest → `setup` → findBroker → provided to every test file (broker.ts) → stopped after the last one.
// Invariant: under CI a run without a broker fails; elsewhere the tests skip and this says why, once.

import type { TestProject } from 'vitest/node';
import { brokerSearch } from '../../shared/broker/find.ts';
import { isCi } from '../../shared/config/ci.ts';
import { MillraceError } from '../../shared/domain/errors.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** `host:port` of the run's broker; empty when there is none. */
    readonly brokers: readonly string[];
    /** Why there is none. */
    readonly brokerMissing: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const { broker, reason } = await brokerSearch({ nodes: 1, onProgress: say });
  if (broker === null) {
    if (isCi(process.env)) throw new MillraceError('BROKER_NOT_FOUND', { detail: reason });
    say(`integration tests that need a broker are skipped: ${reason}`);
  }
  project.provide('brokers', broker?.brokers ?? []);
  project.provide('brokerMissing', reason);
  return async () => broker?.stop();
}
