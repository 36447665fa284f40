// GuardedBroker: a Kafka of its own that knows its users and their ACLs, for tests about access.
// Flow: the JVM's jars → startJvmBroker with a super user and one user per service → `busOf(user)` by the settings that a
//       service has → `give` the grants of shared/domain/access.ts.
// Invariant: nobody but the super user may do anything that was not given.

import { randomBytes } from 'node:crypto';
import { routerConfig } from '../../services/router/config.ts';
import { grant } from '../../shared/broker/authorizer.ts';
import { JAVA_MAJOR_MIN, javaMajor, kafkaJars } from '../../shared/broker/jars.ts';
import { startJvmBroker } from '../../shared/broker/jvm-broker.ts';
import type { BrokerUser, RunningBroker, StartOptions } from '../../shared/broker/running-broker.ts';
import type { Bus } from '../../shared/bus/bus.ts';
import { kafkaBus } from '../../shared/bus/kafka/kafka-bus.ts';
import { isCi } from '../../shared/config/ci.ts';
import { kafkaOptions } from '../../shared/config/common.ts';
import { loadConfig } from '../../shared/config/load.ts';
import {
  type AccessPlace,
  grantsOf,
  SERVICES_WITH_ACCESS,
  type ServiceWithAccess,
} from '../../shared/domain/access.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { eventually } from './eventually.ts';

export type User = 'admin' | ServiceWithAccess;

const start: StartOptions = { nodes: 1, purpose: 'test', onProgress: () => undefined, env: process.env };
/** An ACL reaches the node's authorizer with the metadata log, a moment after it was made. */
const ACL_WAIT_MS = 10_000;

/** Folder of the jars, or why there can be no such broker here. @throws BROKER_NOT_FOUND under CI */
export async function guardedBrokerJars(): Promise<{ readonly folder: string; readonly missing: string }> {
  const java = (await javaMajor()) ?? 0;
  const jars = java < JAVA_MAJOR_MIN ? { missing: `no Java ${JAVA_MAJOR_MIN}` } : await kafkaJars(start);
  if ('folder' in jars) return { folder: jars.folder, missing: '' };
  if (isCi(process.env)) throw new MillraceError('BROKER_NOT_FOUND', { detail: jars.missing });
  return { folder: '', missing: jars.missing };
}

export class GuardedBroker {
  readonly #broker: RunningBroker;
  readonly #users: readonly BrokerUser[];
  readonly #buses: Bus[] = [];

  private constructor(broker: RunningBroker, users: readonly BrokerUser[]) {
    this.#broker = broker;
    this.#users = users;
  }

  static async start(jars: string): Promise<GuardedBroker> {
    const users = (['admin', ...SERVICES_WITH_ACCESS] as const).map((name) => ({
      name,
      password: randomBytes(12).toString('hex'),
      isSuper: name === 'admin',
    }));
    return new GuardedBroker(await startJvmBroker(jars, { ...start, users }), users);
  }

  /** A bus with the user's own login, by a service's settings. Closed by `stop`. */
  busOf(user: User): Bus {
    const config = loadConfig(routerConfig, {
      MILLRACE_BROKERS: this.#broker.brokers.join(','),
      MILLRACE_CLIENT_ID: user,
      MILLRACE_SESSION_TIMEOUT_MS: '3000',
      MILLRACE_TRANSACTION_TIMEOUT_MS: '2000',
      MILLRACE_SASL_MECHANISM: 'scram-sha-256',
      MILLRACE_SASL_USERNAME: user,
      MILLRACE_SASL_PASSWORD: this.#users.find(({ name }) => name === user)?.password,
    });
    const bus = kafkaBus({ ...kafkaOptions(config), clock, onNotice: () => undefined });
    this.#buses.push(bus);
    return bus;
  }

  /** Gives every service its grants for `places`, and waits until they hold. Topics need not be there. */
  async give(places: readonly AccessPlace[]): Promise<void> {
    for (const service of SERVICES_WITH_ACCESS) {
      const grants = places.flatMap((place) => grantsOf(service, place));
      await grant(this.#broker.inside ?? '', service, grants);
      // ACLs hold in the order of their making.
      const last = grants.findLast(({ resource }) => resource === 'topic');
      const bus = this.busOf(service);
      const holds = () => bus.admin.partitions(last?.name ?? '').then(...asBoolean);
      await eventually(`${service} has its grants`, holds, { timeoutMs: ACL_WAIT_MS });
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#buses.map((bus) => bus.close()));
    await this.#broker.stop();
  }
}

const asBoolean = [() => true, () => false] as const;
