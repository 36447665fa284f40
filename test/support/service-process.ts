// ServiceProcess: a service as a child process, as an operator would run it: `node dist/services/<name>/main.js`.
// Flow: build-child.ts compiles the mains before any test → `start` → settings by environment → log lines read back.
// Invariant: every process that was started is gone after `stop`, whatever state it was in (stopped ones are continued), and when
//            whoever started it is killed.

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { demoPath } from '../../demo/demo-path.ts';
import { repositoryFile } from '../../shared/broker/jars.ts';
import { errorText } from '../../shared/domain/errors.ts';
import { confinedCommand } from '../../shared/runtimes/confine.ts';
import type { EventName } from '../../shared/telemetry/events.ts';
import { eventually } from './eventually.ts';

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 20_000;
const TAIL_LINES = 12;

interface FleetSettings {
  readonly brokers: readonly string[];
  readonly prefix: string;
  /** Of all services. */
  readonly more?: Readonly<Record<string, string>>;
  /** Of one service: the others refuse what they do not know. */
  readonly only?: Readonly<Partial<Record<ServiceName, Readonly<Record<string, string>>>>>;
}

/** Processes of one house. Their settings are the defaults but for what the test says. */
export class Fleet {
  readonly processes: ServiceProcess[] = [];
  readonly #settings: Readonly<Record<string, string>>;
  readonly #only: FleetSettings['only'];

  constructor(settings: FleetSettings) {
    this.#only = settings.only;
    this.#settings = {
      MILLRACE_BROKERS: settings.brokers.join(','),
      MILLRACE_PREFIX: settings.prefix,
      MILLRACE_REPOSITORY: demoPath('models'),
      ...settings.more,
    };
  }

  /** One more process, with settings of its own besides; `ready` says when it works. */
  start(service: ServiceName, own: Readonly<Record<string, string>> = {}): ServiceProcess {
    const name = `${service}-${this.processes.length}`;
    const started = new ServiceProcess(service, name, {
      ...this.#settings,
      ...this.#only?.[service],
      ...own,
      MILLRACE_CLIENT_ID: name,
    });
    this.processes.push(started);
    return started;
  }

  get running(): readonly ServiceProcess[] {
    return this.processes.filter((process) => process.running);
  }

  /** @returns the exit codes of those that still ran */
  stop(): Promise<readonly (number | null)[]> {
    return Promise.all(this.running.map((process) => process.stop()));
  }
}

export type ServiceName = 'controller' | 'router' | 'scorer' | 'shadow' | 'comparator';

/** One line of a service's log. */
export interface LogLine {
  readonly event: EventName;
  readonly [field: string]: unknown;
}

export class ServiceProcess {
  readonly name: string;
  readonly service: ServiceName;
  readonly lines: LogLine[] = [];
  /** Output that is no log line: there must be none. */
  readonly stray: string[] = [];
  readonly #child: ChildProcess;

  constructor(service: ServiceName, name: string, environment: Readonly<Record<string, string>>) {
    this.name = name;
    this.service = service;
    const main = repositoryFile(`dist/services/${service}/main.js`);
    const { PATH = '', HOME = '', TMPDIR = '/tmp' } = process.env;
    const [file = process.execPath, ...args] = confinedCommand([process.execPath, main], 0);
    this.#child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH, HOME, TMPDIR, ...environment },
    });
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      if (output !== null) createInterface({ input: output }).on('line', (line) => this.#hear(line));
    }
  }

  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  /** Null while it runs, and when a signal ended it. */
  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Whether a signal ended it, and not itself. */
  get killed(): boolean {
    return this.#child.signalCode !== null;
  }

  /** Lines of one event, oldest first. */
  of(event: EventName): readonly LogLine[] {
    return this.lines.filter((line) => line.event === event);
  }

  /** Resolves when the service says that it is ready. */
  async ready(): Promise<this> {
    await this.until('it is ready', () => this.of('service-started').length > 0, START_TIMEOUT_MS);
    return this;
  }

  /** Waits for something that the process does or says. */
  async until(what: string, holds: () => boolean, timeoutMs: number): Promise<void> {
    const detail = () => `the last lines of ${this.name}:\n${this.tail()}`;
    await eventually(`${this.name}: ${what}`, () => holds() || !this.running, { timeoutMs, detail });
    if (!holds()) throw new RangeError(`${this.name} ended before ${what}: ${this.tail()}`);
  }

  kill(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(signal);
  }

  /** Ends the process as an operator does. @returns its exit code, null when it had to be killed */
  async stop(): Promise<number | null> {
    if (!this.running) return this.#child.exitCode;
    this.#child.kill('SIGCONT');
    this.#child.kill('SIGTERM');
    try {
      await eventually(`${this.name} ends`, () => !this.running, { timeoutMs: STOP_TIMEOUT_MS });
    } catch {
      this.#child.kill('SIGKILL');
      await eventually(`${this.name} is dead`, () => !this.running, { timeoutMs: STOP_TIMEOUT_MS });
    }
    return this.#child.exitCode;
  }

  tail(): string {
    const lines = this.lines.slice(-TAIL_LINES).map((line) => JSON.stringify(line));
    return [...lines, ...this.stray.slice(-TAIL_LINES)].join('\n');
  }

  #hear(line: string): void {
    try {
      this.lines.push(JSON.parse(line) as LogLine);
    } catch (error) {
      this.stray.push(`${line} (${errorText(error)})`);
    }
  }
}
