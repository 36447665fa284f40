// RunningBroker: a Kafka that tests, demo and bench may use, however it was found.
// Flow: find.ts → given | docker | jvm → the caller, who calls `stop` at the end. Whoever forgets it, or is killed, leaves
//       nothing behind: watch.mjs (jvm) and the reaper of testcontainers (docker) end the broker with its user.

export type BrokerKind = 'given' | 'docker' | 'jvm';
export type NodeCount = 1 | 3;

export interface RunningBroker {
  /** `host:port` of every node. */
  readonly brokers: readonly string[];
  readonly kind: BrokerKind;
  /** Nodes that were started; for a given broker the number of addresses given. */
  readonly nodes: number;
  /** One node to be killed, paused and started again (ids from 1), or null where the kind cannot do that. */
  node(id: number): BrokerNode | null;
  /** Of a jvm broker: `host:port` of the first node where nobody is asked for a login, whatever `users` there are. */
  readonly inside?: string;
  /** Where a jvm broker keeps `node-<id>.log` and `node-<id>/` (its data) until `stop`. */
  readonly folder?: string;
  /** Ends what `findBroker` started, its data included; a given broker is left alone. Never rejects; may be called twice. */
  stop(): Promise<void>;
}

/** One node of a jvm broker. Its data folder and ports survive `kill` and `start`. */
export interface BrokerNode {
  readonly id: number;
  /** Process id of the JVM now, or null when it does not run. */
  readonly pid: number | null;
  /** SIGKILL and SIGTERM end the node and resolve when it is gone; SIGSTOP pauses it, SIGCONT lets it go on. */
  kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** Starts a node that was ended, on its old data and ports; resolves when it answers. @throws BROKER_UNREACHABLE */
  start(): Promise<void>;
}

/** Who may log in. A super user may do everything, anybody else what `grant` gives (authorizer.ts). */
export interface BrokerUser {
  readonly name: string;
  readonly password: string;
  readonly isSuper: boolean;
}

export interface StartOptions {
  readonly nodes: NodeCount;
  /** `bench` lets the JVM compile fully, so that the broker is not the slow part; `test` starts sooner. */
  readonly purpose: 'test' | 'bench';
  /**
   * For a proxy in front of a jvm broker: the ports of 127.0.0.1 that clients are sent to, of node 1, 2, 3. The nodes listen on
   * `brokers` as ever, and talk among themselves on a listener of their own, which no proxy sees.
   */
  readonly advertisedPorts?: readonly number[];
  /** For a jvm broker that asks for logins and rights (authorizer.ts); not together with `advertisedPorts`. Default: it asks nobody. */
  readonly users?: readonly BrokerUser[];
  readonly onProgress: (line: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
}
