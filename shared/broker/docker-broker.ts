// DockerBroker: one or three KRaft nodes of the apache/kafka image, through testcontainers (a devDependency, loaded only
// when a Docker daemon answers, because loading it takes seconds).
// Invariant: the settings are those of the jvm broker; only addresses differ. The reaper of testcontainers removes the
//            containers when their user ends without `stop`.

import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { promisify } from 'node:util';
import { MillraceError } from '../domain/errors.ts';
import { systemClock } from '../process/clock.ts';
import { answersWithin } from './probe.ts';
import type { RunningBroker, StartOptions } from './running-broker.ts';
import { CLUSTER_ID, clusterSettings, imageEnvironment, KAFKA_IMAGE } from './settings.ts';

const run = promisify(execFile);

const DAEMON_CHECK_TIMEOUT_MS = 3_000;
const READY_TIMEOUT_MS = 120_000;
/** Inside the container: clients from outside, brokers among themselves, controllers. */
const PORTS = { outside: 9092, broker: 9094, controller: 9093 } as const;
const HOST_PORT_MIN = 20_000;
const HOST_PORT_MAX = 32_000;

/** Version of the Docker daemon, or null when none answers within 3 s. */
export async function dockerVersion(): Promise<string | null> {
  try {
    const check = ['info', '--format', '{{.ServerVersion}}'];
    const { stdout } = await run('docker', check, { timeout: DAEMON_CHECK_TIMEOUT_MS, killSignal: 'SIGKILL' });
    // Some clients exit with 0 and print the error when no daemon answers.
    return /^\d/.test(stdout.trim()) ? stdout.trim() : null;
  } catch {
    return null;
  }
}

/** Starts the containers and waits until every node knows of all. @throws BROKER_UNREACHABLE and what testcontainers throws */
export async function startDockerBroker(options: StartOptions): Promise<RunningBroker> {
  const { GenericContainer, getContainerRuntimeClient, Network, Wait } = await import('testcontainers');
  const { host } = (await getContainerRuntimeClient()).info.containerRuntime;
  options.onProgress(`starting ${KAFKA_IMAGE} in Docker (${options.nodes === 1 ? 'one node' : 'three nodes'})`);
  const network = await new Network().start();
  const ids = Array.from({ length: options.nodes }, (_, index) => index + 1);
  const firstPort = randomInt(HOST_PORT_MIN, HOST_PORT_MAX - ids.length);
  const brokers = ids.map((id) => `${host}:${firstPort + id}`);
  const starts = await Promise.allSettled(
    ids.map((id) =>
      new GenericContainer(KAFKA_IMAGE)
        .withNetwork(network)
        .withNetworkAliases(`kafka-${id}`)
        .withExposedPorts({ container: PORTS.outside, host: firstPort + id })
        .withEnvironment(nodeEnvironment(id, options.nodes, `${host}:${firstPort + id}`))
        .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
        .withStartupTimeout(READY_TIMEOUT_MS)
        .start(),
    ),
  );
  let stopped: Promise<void> | null = null;
  const stopAll = async () => {
    const running = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
    await Promise.allSettled(running.map((container) => container.stop({ timeout: 0 })));
    await network.stop().catch(() => undefined);
  };
  const stop = () => {
    stopped ??= stopAll();
    return stopped;
  };
  const failed = starts.find((start) => start.status === 'rejected');
  const complete = failed === undefined && (await allAnswer(brokers));
  if (complete) return { brokers, kind: 'docker', nodes: options.nodes, node: () => null, stop };
  await stop();
  throw failed?.reason ?? new MillraceError('BROKER_UNREACHABLE', { brokers: brokers.join(','), detail: 'time-out' });
}

async function allAnswer(brokers: readonly string[]): Promise<boolean> {
  const want = { nodes: brokers.length, deadlineMs: READY_TIMEOUT_MS };
  const answers = await Promise.all(brokers.map((address) => answersWithin(address, want, systemClock)));
  return answers.every(Boolean);
}

function nodeEnvironment(id: number, nodes: StartOptions['nodes'], outside: string): Record<string, string> {
  const voters = Array.from({ length: nodes }, (_, index) => `${index + 1}@kafka-${index + 1}:${PORTS.controller}`);
  const settings = {
    ...clusterSettings(nodes),
    'node.id': String(id),
    'controller.quorum.voters': voters.join(','),
    listeners: `PLAINTEXT://:${PORTS.outside},BROKER://:${PORTS.broker},CONTROLLER://:${PORTS.controller}`,
    'advertised.listeners': `PLAINTEXT://${outside},BROKER://kafka-${id}:${PORTS.broker}`,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT',
    'inter.broker.listener.name': 'BROKER',
  };
  return { ...imageEnvironment(settings), CLUSTER_ID };
}
