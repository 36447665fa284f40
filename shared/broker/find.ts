// Find: a real Kafka for tests, demo and bench, wherever one can be had.
// Order: MILLRACE_BROKERS (used as it is) → a Docker daemon → Apache Kafka's jars on the local JVM (Java 17, Maven once).
// Use:   const { broker, reason } = await brokerSearch({ nodes: 1 });   // or: const broker = await findBroker();
//        … broker.brokers … await broker.stop();
//        A broker for a shell: `npm run build && node dist/shared/broker/main.js` (main.ts says more).
// Invariant: an address that was given and does not answer is an error, never a reason to use another broker.

import { errorText, MillraceError } from '../domain/errors.ts';
import { dockerVersion, startDockerBroker } from './docker-broker.ts';
import { JAVA_MAJOR_MIN, javaMajor, kafkaJars } from './jars.ts';
import { startJvmBroker } from './jvm-broker.ts';
import { parseAddress, reachable } from './probe.ts';
import type { NodeCount, RunningBroker, StartOptions } from './running-broker.ts';

export interface FindOptions {
  /** Default 1. A given broker is taken with as many nodes as it has. */
  readonly nodes?: NodeCount;
  /** Default `test`. */
  readonly purpose?: 'test' | 'bench';
  /** For who ends and starts nodes: neither a given broker nor Docker, whose nodes nobody here may end. Default false. */
  readonly killable?: boolean;
  /** Ports of proxies in front of the nodes (running-broker.ts); with `killable` only. Default none. */
  readonly advertisedPorts?: readonly number[];
  /** Told of what takes long (download, start), one line each. */
  readonly onProgress?: (line: string) => void;
  /** Default the process's environment: MILLRACE_BROKERS, MILLRACE_CACHE, XDG_CACHE_HOME. */
  readonly env?: StartOptions['env'];
}

export interface BrokerSearch {
  readonly broker: RunningBroker | null;
  /** What was tried and why it was no use, in order; empty when the first way worked. */
  readonly tried: readonly string[];
  /** `tried` as one line for people. */
  readonly reason: string;
}

/** A broker, or null when none can be had. @throws BROKER_UNREACHABLE when MILLRACE_BROKERS does not answer */
export async function findBroker(options: FindOptions = {}): Promise<RunningBroker | null> {
  return (await brokerSearch(options)).broker;
}

/** Like `findBroker`, with the report. @throws BROKER_UNREACHABLE when MILLRACE_BROKERS does not answer */
export async function brokerSearch(options: FindOptions = {}): Promise<BrokerSearch> {
  const start: StartOptions = {
    nodes: options.nodes ?? 1,
    purpose: options.purpose ?? 'test',
    ...(options.advertisedPorts === undefined ? {} : { advertisedPorts: options.advertisedPorts }),
    onProgress: options.onProgress ?? (() => undefined),
    env: options.env ?? process.env,
  };
  const tried: string[] = [];
  const end = (broker: RunningBroker | null): BrokerSearch => ({ broker, tried, reason: tried.join('; ') });

  if (options.killable !== true) {
    const given = start.env.MILLRACE_BROKERS;
    if (given !== undefined && given.trim() !== '') return end(await givenBroker(given));
    tried.push('MILLRACE_BROKERS is not set');
    const docker = await attempt(() => viaDocker(start));
    if (typeof docker !== 'string') return end(docker);
    tried.push(docker);
    start.onProgress(`${docker}; the local JVM is tried`);
  }
  const jvm = await attempt(() => viaJvm(start));
  if (typeof jvm !== 'string') return end(jvm);
  tried.push(jvm);
  return end(null);
}

async function givenBroker(list: string): Promise<RunningBroker> {
  const brokers = list.split(',').map((address) => address.trim());
  const malformed = brokers.find((address) => parseAddress(address) === null);
  if (malformed !== undefined) {
    throw new MillraceError('BROKER_UNREACHABLE', { brokers: list, detail: `${malformed} is not host:port` });
  }
  const answers = await Promise.all(brokers.map(reachable));
  if (!answers.includes(true))
    throw new MillraceError('BROKER_UNREACHABLE', { brokers: list, detail: 'no connection' });
  return { brokers, kind: 'given', nodes: brokers.length, node: () => null, stop: () => Promise.resolve() };
}

/** A broker, or in words why not. */
async function viaDocker(start: StartOptions): Promise<RunningBroker | string> {
  if ((await dockerVersion()) === null) return 'no Docker daemon answers';
  return startDockerBroker(start);
}

async function viaJvm(start: StartOptions): Promise<RunningBroker | string> {
  const java = await javaMajor();
  if (java === null) return `there is no Java (${JAVA_MAJOR_MIN} or newer is needed)`;
  if (java < JAVA_MAJOR_MIN) return `Java ${java} is too old (${JAVA_MAJOR_MIN} or newer is needed)`;
  const jars = await kafkaJars(start);
  return 'missing' in jars ? jars.missing : startJvmBroker(jars.folder, start);
}

async function attempt(way: () => Promise<RunningBroker | string>): Promise<RunningBroker | string> {
  try {
    return await way();
  } catch (error) {
    return errorText(error);
  }
}
