// Cluster: three Kafka nodes as processes, a proxy before each, and what faults do to nodes.
// Invariant: clients only know the proxies; the nodes talk past them, so that a cut connection is no lost replica.

import { execFile } from 'node:child_process';
import { cp, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brokerSearch } from '../../shared/broker/find.ts';
import type { BrokerNode, RunningBroker, StartOptions } from '../../shared/broker/running-broker.ts';
import { assert, MillraceError } from '../../shared/domain/errors.ts';
import { systemClock as clock } from '../../shared/process/clock.ts';
import { eventually } from '../support/eventually.ts';
import { Meddling } from './meddling.ts';
import { BrokerProxy } from './proxy.ts';
import { replicasBehind } from './replicas.ts';

const run = promisify(execFile);

const NODES = 3;
/** Of `stat`'s blocks. */
const BLOCK_BYTES = 512;
const KEPT_BYTES_MAX = 512 * 1024 * 1024;
/** No file of a broker with a full disk may grow over this: its segments are larger at once. */
const FULL_DISK_BYTES = 4_096;
/** A node whose only log folder fails ends itself. */
const HALT_MS = 20_000;
const PRLIMIT_MS = 5_000;
/** From the start of a node to its last replica's return. */
const IN_SYNC_MS = 60_000;

export class Cluster {
  readonly meddling: Meddling;
  readonly proxies: readonly BrokerProxy[];
  readonly #broker: RunningBroker;

  private constructor(broker: RunningBroker, proxies: readonly BrokerProxy[], meddling: Meddling) {
    this.#broker = broker;
    this.proxies = proxies;
    this.meddling = meddling;
  }

  /** @param purpose `bench` for a long load: its JVMs compile everything @throws BROKER_NOT_FOUND with the reason */
  static async start(purpose: StartOptions['purpose'], say: (line: string) => void): Promise<Cluster> {
    const meddling = new Meddling();
    const proxies = await Promise.all(Array.from({ length: NODES }, () => BrokerProxy.listen({ meddling, clock })));
    const advertisedPorts = proxies.map(({ port }) => port);
    const search = await brokerSearch({ nodes: NODES, purpose, killable: true, advertisedPorts, onProgress: say });
    const { broker, reason } = search;
    if (broker === null) throw new MillraceError('BROKER_NOT_FOUND', { detail: reason });
    for (const [index, proxy] of proxies.entries()) proxy.pointAt(broker.brokers[index] ?? '');
    return new Cluster(broker, proxies, meddling);
  }

  /** Where clients begin. */
  get brokers(): readonly string[] {
    return this.proxies.map(({ port }) => `127.0.0.1:${port}`);
  }

  get ids(): readonly number[] {
    return this.proxies.map((_, index) => index + 1);
  }

  node(id: number): BrokerNode {
    const node = this.#broker.node(id);
    assert(node !== null, `node ${id} is not ours to end`);
    return node;
  }

  /** From now on the node can write no more; resolves when it has given up. */
  async fillDisk(id: number): Promise<void> {
    const { pid } = this.node(id);
    await run('prlimit', ['--pid', String(pid), `--fsize=${FULL_DISK_BYTES}:`], { timeout: PRLIMIT_MS });
    await eventually(`node ${id} gives up on its full disk`, () => this.node(id).pid === null, { timeoutMs: HALT_MS });
  }

  /** Every node runs, has caught up, and nothing is in anyone's way: the next fault finds three of three. */
  async heal(): Promise<void> {
    for (const proxy of this.proxies) proxy.flow();
    for (const id of this.ids) {
      if (this.node(id).pid === null) await this.node(id).start();
      else await this.node(id).kill('SIGCONT');
    }
    const [first = ''] = this.#broker.brokers;
    const caughtUp = async () => (await replicasBehind(first)) === 0;
    await eventually('every replica is in sync', caughtUp, { timeoutMs: IN_SYNC_MS });
  }

  /** Copies the nodes' logs and data for whoever looks into a failure; of large data only what comes first. */
  async keep(folder: string): Promise<void> {
    const from = this.#broker.folder;
    if (from === undefined) return;
    let left = KEPT_BYTES_MAX;
    const filter = async (path: string) => {
      // Files come and go under a running broker.
      const found = await stat(path).catch(() => null);
      // Indexes are sparse: their size says nothing.
      left -= (found?.blocks ?? 0) * BLOCK_BYTES;
      return found !== null && left > 0;
    };
    await cp(from, join(folder, 'brokers'), { recursive: true, filter }).catch(() => undefined);
  }

  async stop(): Promise<void> {
    await this.#broker.stop();
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
  }
}
