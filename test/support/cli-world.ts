// CliWorld: the whole house on a memory broker under a virtual clock, and the command line at its door.
// Method: `run` is the real command line from arguments to exit code; only streams, signals and the broker are the test's.

import { expect } from 'vitest';
import type { CliHost } from '../../services/cli/context.ts';
import { runCli } from '../../services/cli/run.ts';
import { startComparator } from '../../services/comparator/service.ts';
import { startController } from '../../services/controller/service.ts';
import { startRouter } from '../../services/router/service.ts';
import { startScorer } from '../../services/scorer/service.ts';
import { startShadow } from '../../services/shadow/service.ts';
import { memoryBus } from '../../shared/bus/memory/memory-bus.ts';
import { memoryLog } from '../../shared/bus/memory/memory-log.ts';
import { DEFAULT_LIMITS } from '../../shared/comparing/limits.ts';
import { MillraceError } from '../../shared/domain/errors.ts';
import type { InRecord, OutRecord } from '../../shared/domain/record.ts';
import { topicsOf } from '../../shared/domain/topics.ts';
import { silentLog } from '../../shared/telemetry/logger.ts';
import { digestOf } from './controller-story.ts';
import { FAKE_SIGNATURE, fakeLauncher } from './fake-launcher.ts';
import { VirtualClock } from './virtual-clock.ts';

/** Versions from here on are in no repository. */
const MISSING_FROM = 90;

/** The endpoint of every test here. */
const NAME = 'numbers';
export const CLI_ENDPOINT = `kind: endpoint\nendpoint: ${NAME}\npartitions: 2\n`;

/** A rollout document; `more` is further YAML. */
export function cliRollout(candidate: number, strategy: string, more = ''): string {
  return `endpoint: ${NAME}\ncandidate: ${candidate}\nstrategy: ${strategy}\n${more}`;
}

/** A request of one number, as OIP JSON. */
export function cliRequest(x: number): string {
  return JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [x] }] });
}

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class CliWorld {
  readonly clock = new VirtualClock();
  readonly topics = topicsOf('');
  readonly launcher = fakeLauncher();
  readonly #log = memoryLog();
  readonly bus = memoryBus(this.#log, { clock: this.clock });
  readonly #services = memoryBus(this.#log, { clock: this.clock });
  #running: readonly { stop(): Promise<void> }[] = [];
  #keys = 0;

  /** Starts every service. */
  async start(): Promise<void> {
    const { clock, topics, launcher } = this;
    const deps = { bus: this.#services, topics, clock, log: silentLog };
    const repository = {
      manifest: async (endpoint: string, version: number) => {
        if (version >= MISSING_FROM) throw new MillraceError('PACKAGE_MISSING', { endpoint, version });
        return { digest: digestOf(version), signature: FAKE_SIGNATURE };
      },
    };
    this.#running = [
      await startController({ ...deps, repository }),
      await startScorer({ ...deps, launcher, worker: 'w' }),
      await startRouter(deps),
      await startShadow({ ...deps, launcher, worker: 'w-shadow' }),
      await startComparator({ ...deps, limits: DEFAULT_LIMITS }),
    ];
    await clock.settle();
  }

  /** Runs one command to its end. `stdin` is what is piped in; `interruptAfterMs` presses Ctrl-C. */
  async run(
    args: readonly string[],
    options: { readonly stdin?: string; readonly interruptAfterMs?: number; readonly env?: CliHost['env'] } = {},
  ): Promise<CliResult> {
    const written = { stdout: '', stderr: '' };
    const sink = (name: keyof typeof written) => ({
      write: (text: string) => {
        written[name] += text;
      },
      isTerminal: false,
      columns: null,
    });
    const interrupt = new AbortController();
    if (options.interruptAfterMs !== undefined) {
      void this.clock.sleep(options.interruptAfterMs).then(() => interrupt.abort());
    }
    const running = runCli(args, {
      stdout: sink('stdout'),
      stderr: sink('stderr'),
      stdin: chunksOf(options.stdin ?? ''),
      env: { MILLRACE_BROKERS: 'memory:1', ...options.env },
      clock: this.clock,
      version: '0.0.0',
      user: 'ana',
      newKey: () => `key-${++this.#keys}`,
      signal: interrupt.signal,
      connect: async () => memoryBus(this.#log, { clock: this.clock }),
    });
    return { code: await this.over(running), ...written };
  }

  /** Applies text as a file and waits. */
  apply(text: string, ...more: readonly string[]): Promise<CliResult> {
    return this.run(['apply', '-f', '-', '--wait', ...more], { stdin: text });
  }

  /** Defines the endpoint and brings version 1 into service. */
  async serve(): Promise<void> {
    expect(await this.apply(`${CLI_ENDPOINT}---\n${cliRollout(1, 'basic')}`)).toMatchObject({ code: 0 });
  }

  /** Sends requests of these numbers. */
  async produce(xs: readonly number[], ...more: readonly string[]): Promise<CliResult> {
    const sent = await this.run(['produce', NAME, ...more], { stdin: xs.map(cliRequest).join('\n') });
    expect(sent.code).toBe(0);
    return sent;
  }

  /** Waits until the topic holds so many records, and returns them. */
  async recordsOf(kind: 'requests' | 'predictions' | 'dead-letters', count: number): Promise<InRecord[]> {
    const topic = this.topics.endpoint(NAME, kind);
    const records: InRecord[] = [];
    const ended = new AbortController();
    const follow = async () => {
      for await (const batch of this.bus.read({ topic, from: 'earliest', until: 'never', signal: ended.signal })) {
        records.push(...batch.records);
      }
    };
    const following = follow();
    await this.clock.until(() => records.length >= count);
    ended.abort();
    await this.over(following);
    return records;
  }

  /** Waits for `work` while virtual time passes. */
  async over<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const settled = work.finally(() => {
      done = true;
    });
    // The rejection is the caller's.
    settled.catch(() => undefined);
    await this.clock.until(() => done, 10 * 60_000);
    return settled;
  }

  /** Writes a record as any producer could. */
  async write(record: OutRecord): Promise<void> {
    await this.over(this.bus.write([record]));
    await this.clock.settle();
  }

  async stop(): Promise<void> {
    for (const service of [...this.#running].reverse()) await this.over(service.stop());
    await this.over(Promise.all([this.#services.close(), this.bus.close()]));
  }
}

async function* chunksOf(text: string): AsyncGenerator<Uint8Array, void, void> {
  if (text !== '') yield new TextEncoder().encode(text);
}
