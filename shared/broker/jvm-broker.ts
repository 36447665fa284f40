// JvmBroker: one or three KRaft nodes of Apache Kafka as child processes on this machine.
// Flow: find.ts → format the data folders (StorageTool) → watch.mjs starts the JVMs → probe until all nodes answer.
// Invariant: everything lives in one temporary folder and under one watchdog, which ends with its user.

import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { errorText, MillraceError } from '../domain/errors.ts';
import { systemClock } from '../process/clock.ts';
import { authorizerProperties, userArguments } from './authorizer.ts';
import { repositoryFile } from './jars.ts';
import { freePort } from './ports.ts';
import { answersWithin } from './probe.ts';
import type { BrokerNode, BrokerUser, RunningBroker, StartOptions } from './running-broker.ts';
import { CLUSTER_ID, jvmProperties, type NodeAddress } from './settings.ts';

const run = promisify(execFile);

const FORMAT_TIMEOUT_MS = 60_000;
const READY_TIMEOUT_MS = 90_000;
const END_TIMEOUT_MS = 10_000;
/** A free port can be taken by someone else before the JVM binds it. */
const START_ATTEMPTS = 3;
const LOG_TAIL_CHARS = 600;
/** Huge pages: on virtual machines with slow memory a random read of 256 MB took 480 ns, 256 with them. Where there are none nothing changes. */
const JVM_FLAGS = ['-XX:+UseSerialGC', '-XX:+UseTransparentHugePages'];
/** A collection of the young generation holds everyone up for 50 to 75 ms: with much room one comes every eight seconds, not every two. */
const PURPOSE_FLAGS = {
  test: ['-Xmx384m', '-XX:TieredStopAtLevel=1'],
  bench: ['-Xms1g', '-Xmx1g', '-Xmn640m'],
} as const;

/** Starts the nodes and waits for them. @throws BROKER_UNREACHABLE with the end of a node's log */
export async function startJvmBroker(jars: string, options: StartOptions): Promise<RunningBroker> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(jars, options);
    } catch (error) {
      if (attempt === START_ATTEMPTS || !errorText(error).includes('Address already in use')) throw error;
    }
  }
}

async function startOnce(jars: string, options: StartOptions): Promise<RunningBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-'));
  const addresses: NodeAddress[] = [];
  for (let id = 1; id <= options.nodes; id++) {
    const [clientPort, controllerPort] = [await freePort(addresses), await freePort(addresses)];
    const address = { id, clientPort, controllerPort, logFolder: join(folder, `node-${id}`) };
    const advertisedPort = options.advertisedPorts?.[id - 1] ?? clientPort;
    if (advertisedPort === clientPort && options.users === undefined) addresses.push(address);
    else addresses.push({ ...address, advertisedPort, internalPort: await freePort([...addresses, address]) });
  }
  try {
    options.onProgress(`starting Apache Kafka on the JVM (${options.nodes === 1 ? 'one node' : 'three nodes'})`);
    await format(jars, { folder, addresses, users: options.users ?? [] });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  const broker = new JvmBroker(folder, jars, addresses, options.purpose);
  try {
    await Promise.all(addresses.map(({ id }) => broker.startNode(id, addresses.length)));
    return broker;
  } catch (error) {
    await broker.stop();
    throw error;
  }
}

interface Planned {
  readonly folder: string;
  readonly addresses: readonly NodeAddress[];
  readonly users: readonly BrokerUser[];
}

async function format(jars: string, { folder, addresses, users }: Planned): Promise<void> {
  for (const node of addresses) {
    const properties = join(folder, `node-${node.id}.properties`);
    const guarded = users.length === 0 ? {} : authorizerProperties(node, users);
    await writeFile(properties, jvmProperties(node, addresses, guarded));
    const flags = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', join(jars, '*')];
    const tool = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', properties, ...userArguments(users)];
    await run('java', [...flags, ...tool], { timeout: FORMAT_TIMEOUT_MS });
  }
}

class JvmBroker implements RunningBroker {
  readonly kind = 'jvm';
  readonly brokers: readonly string[];
  readonly inside: string;
  readonly folder: string;
  readonly #addresses: readonly NodeAddress[];
  readonly #watchdog: ChildProcessByStdio<Writable, Readable, null>;
  readonly #pids = new Map<number, number>();
  /** Called on every word of the watchdog, so that waiters look again. */
  readonly #waiters = new Set<() => void>();

  constructor(folder: string, jars: string, addresses: readonly NodeAddress[], purpose: StartOptions['purpose']) {
    this.folder = folder;
    this.#addresses = addresses;
    this.brokers = addresses.map(({ clientPort }) => `127.0.0.1:${clientPort}`);
    this.inside = this.#insideOf(1);
    const logging = `-Dlog4j2.configurationFile=${repositoryFile('shared/broker/log4j2.properties')}`;
    const flags = [...JVM_FLAGS, ...PURPOSE_FLAGS[purpose], logging, '-cp', join(jars, '*'), 'kafka.Kafka'];
    const nodes = addresses.map(({ id }) => {
      const args = [...flags, join(folder, `node-${id}.properties`)];
      return [id, { command: 'java', args, log: this.#logFile(id) }] as const;
    });
    const order = JSON.stringify({ folder, nodes: Object.fromEntries(nodes) });
    this.#watchdog = spawn(process.execPath, [repositoryFile('shared/broker/watch.mjs'), order], {
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
    });
    this.#watchdog.once('exit', () => this.#heard('gone'));
    this.#watchdog.stdin.on('error', () => this.#heard('gone'));
    createInterface({ input: this.#watchdog.stdout }).on('line', (line) => this.#heard(line));
    this.#letUserEnd();
  }

  get nodes(): number {
    return this.#addresses.length;
  }

  node(id: number): BrokerNode | null {
    if (!this.#addresses.some((each) => each.id === id)) return null;
    const pidOf = () => this.#pids.get(id) ?? null;
    return {
      id,
      get pid() {
        return pidOf();
      },
      kill: (signal) => this.#kill(id, signal),
      // Its peers may be down: it is enough that it answers for itself.
      start: () => this.startNode(id, 1),
    };
  }

  /** Starts node `id` and waits until it knows of `nodes` live brokers. @throws BROKER_UNREACHABLE */
  async startNode(id: number, nodes: number): Promise<void> {
    const address = this.#insideOf(id);
    this.#watchdog.stdin.write(`start ${id}\n`);
    await this.#until(() => this.#pids.has(id), END_TIMEOUT_MS);
    const gaveUp = () => !this.#pids.has(id);
    if (await answersWithin(address, { nodes, deadlineMs: READY_TIMEOUT_MS, gaveUp }, systemClock)) return;
    const log = await readFile(this.#logFile(id), 'utf8').catch(() => '');
    throw new MillraceError('BROKER_UNREACHABLE', { brokers: address, detail: log.slice(-LOG_TAIL_CHARS) });
  }

  async stop(): Promise<void> {
    this.#watchdog.stdin.end();
    const gone = () => this.#watchdog.exitCode !== null || this.#watchdog.signalCode !== null;
    await this.#until(gone, END_TIMEOUT_MS);
    if (gone()) return;
    for (const pid of this.#pids.values()) killIfAlive(pid);
    this.#watchdog.kill('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }

  async #kill(id: number, signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const pid = this.#pids.get(id);
    if (pid === undefined) return;
    process.kill(pid, signal);
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await this.#until(() => !this.#pids.has(id), END_TIMEOUT_MS);
  }

  #heard(line: string): void {
    const [word, id, pid] = line.split(' ');
    if (word === 'started') this.#pids.set(Number(id), Number(pid));
    else if (word === 'ended') this.#pids.delete(Number(id));
    else this.#pids.clear();
    for (const look of [...this.#waiters]) look();
  }

  /** Waits until `done()` holds, at most `timeoutMs`. */
  async #until(done: () => boolean, timeoutMs: number): Promise<void> {
    if (done()) return;
    const enough = new AbortController();
    const look = () => {
      if (done()) enough.abort();
    };
    this.#waiters.add(look);
    await systemClock.sleep(timeoutMs, enough.signal);
    this.#waiters.delete(look);
  }

  /** A user that never calls `stop` can still end: nothing of the watchdog keeps its event loop alive. */
  #letUserEnd(): void {
    this.#watchdog.unref();
    for (const pipe of [this.#watchdog.stdin, this.#watchdog.stdout]) if (pipe instanceof Socket) pipe.unref();
  }

  /** Where a node answers whoever asks, without a login and past every proxy. */
  #insideOf(id: number): string {
    const node = this.#addresses.find((each) => each.id === id);
    return `127.0.0.1:${node?.internalPort ?? node?.clientPort}`;
  }

  #logFile(id: number): string {
    return join(this.folder, `node-${id}.log`);
  }
}

/** The watchdog may have ended it already and be busy with the folder. */
function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
