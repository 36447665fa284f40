// Settings: the server properties of a broker that Millrace starts, on a JVM or in a container.
// Invariant: the same cluster wherever it runs; only addresses and folders differ.
// Source: the settings that make a small, quick-starting KRaft cluster.
// Version: the newest line without KAFKA-20734. From 4.3.0 on (4.4.0 still) a coordinator completes a transaction without its
//         markers while a partition has no leader, so that records are doubled or a partition stands still (docs/reliability.md).

import type { NodeCount } from './running-broker.ts';

/** Version of the jars (pom.xml), of the image and of docker-compose.yml. */
export const KAFKA_VERSION = '4.2.2';
export const KAFKA_IMAGE = `apache/kafka:${KAFKA_VERSION}`;
/** Any 22-character base64 uuid; the cluster is never shared. */
export const CLUSTER_ID = 'MillraceTestCluster0AA';

/** Settings that do not depend on where a node runs. Values are as in server.properties, ms and bytes. */
export function clusterSettings(nodes: NodeCount): Readonly<Record<string, string>> {
  const replicas = String(nodes);
  const inSync = nodes === 1 ? '1' : '2';
  return {
    'process.roles': 'broker,controller',
    'controller.listener.names': 'CONTROLLER',
    'num.network.threads': '1',
    'num.io.threads': '2',
    'auto.create.topics.enable': 'false',
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.num.partitions': '3',
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.num.partitions': '3',
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
    // No waiting for more members: a test's group is complete when its members have joined.
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '1000',
    // A node that was killed may come back once the controller has missed it; the default is 9 s.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    // How long a coordinator waits for a broker that hangs and was to write a transaction's marker, before it asks the new
    // leader: for so long the next transaction of that producer cannot begin. The default is 30 s.
    'request.timeout.ms': '10000',
    'log.cleaner.dedupe.buffer.size': '2097152',
  };
}

export interface NodeAddress {
  readonly id: number;
  readonly clientPort: number;
  readonly controllerPort: number;
  /** Port that clients are sent to, where that is not the node's own: a proxy's. */
  readonly advertisedPort?: number;
  /** Port for the other nodes, where clients are sent to a proxy or asked for a login. */
  readonly internalPort?: number;
  readonly logFolder: string;
}

/**
 * server.properties of one node on this machine.
 * @param all every node of the cluster, itself included
 * @param instead properties that replace the usual ones
 */
export function jvmProperties(
  node: NodeAddress,
  all: readonly NodeAddress[],
  instead: Readonly<Record<string, string>> = {},
): string {
  const count: NodeCount = all.length === 1 ? 1 : 3;
  const { clientPort, advertisedPort = clientPort, internalPort } = node;
  const internal = internalPort === undefined ? '' : `,INTERNAL://127.0.0.1:${internalPort}`;
  const local = {
    'node.id': String(node.id),
    'controller.quorum.voters': all.map((each) => `${each.id}@127.0.0.1:${each.controllerPort}`).join(','),
    listeners: `PLAINTEXT://127.0.0.1:${clientPort},CONTROLLER://127.0.0.1:${node.controllerPort}${internal}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${advertisedPort}${internal}`,
    'inter.broker.listener.name': internalPort === undefined ? 'PLAINTEXT' : 'INTERNAL',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT',
    'log.dirs': node.logFolder,
  };
  return Object.entries({ ...clusterSettings(count), ...local, ...instead })
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

/** The image's environment: it turns `KAFKA_NODE_ID` into `node.id`. @source Kafka's docker/README: KIP-975 */
export function imageEnvironment(settings: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [`KAFKA_${key.replaceAll('.', '_').toUpperCase()}`, value]),
  );
}
