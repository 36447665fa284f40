// Reports: what a worker says of the versions that it holds, on millrace.workers, for as long as it lives.
// Flow: process states, owned lanes → [reports] → controller's gate and status.
// Invariant: said on every change and at each heartbeat, so that silence means death; what it holds no more is taken back.

import type { Bus } from '../bus/bus.ts';
import { encodeControl } from '../codec/control.ts';
import { type Clock, sleepUnless } from '../domain/clock.ts';
import type { Topics } from '../domain/topics.ts';
import { HEARTBEAT_INTERVAL_MS, type WorkerReport, workerKey } from '../domain/worker.ts';
import type { ModelProcess } from '../runtimes/model-process.ts';
import type { Log } from '../telemetry/logger.ts';

const encoder = new TextEncoder();

export interface ReportsOptions {
  readonly bus: Bus;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly log: Log;
  /** Unique per process start; names this worker in reports and evidence. */
  readonly worker: string;
  readonly role: WorkerReport['role'];
  readonly endpoint: string;
  readonly processes: () => readonly ModelProcess[];
  readonly owned: () => WorkerReport['owned'];
}

export class Reports {
  readonly #options: ReportsOptions;
  readonly #ended = new AbortController();
  #changed = new AbortController();
  #reported: readonly string[] = [];
  #loop: Promise<void> = Promise.resolve();

  constructor(options: ReportsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#loop = this.#heartbeat();
  }

  /** Something is to be said at once. */
  changed(): void {
    this.#changed.abort();
  }

  /** Ends the heartbeat; `last` says what is left, once the processes are stopped. */
  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#loop;
  }

  async last(): Promise<void> {
    await this.#write();
  }

  /** Logs a process's new state and says it. */
  state(process: ModelProcess): void {
    this.changed();
    this.#options.log('model-state', {
      endpoint: this.#options.endpoint,
      version: process.ref.version,
      state: process.state,
      runtime: process.runtime,
      problem: process.problem,
    });
  }

  async #heartbeat(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      this.#changed = new AbortController();
      await this.#write();
      await sleepUnless(this.#options.clock, HEARTBEAT_INTERVAL_MS, this.#changed.signal, this.#ended.signal);
    }
  }

  async #write(): Promise<void> {
    const { bus, topics, log, endpoint, processes } = this.#options;
    const topic = topics.control('workers');
    const reports = processes().map((process) => this.#reportOf(process));
    const keys = reports.map(workerKey);
    const gone = this.#reported.filter((key) => !keys.includes(key));
    const records = [
      ...reports.map((report) => ({ key: workerKey(report), value: encodeControl('worker', report) })),
      ...gone.map((key) => ({ key, value: null })),
    ];
    if (records.length === 0) return;
    try {
      await bus.write(
        records.map(({ key, value }) => ({ topic, partition: 0, key: encoder.encode(key), value, headers: [] })),
      );
      this.#reported = keys;
    } catch (error) {
      // The next heartbeat says it again; until then the controller sees this worker age.
      log('report-failed', { endpoint, error });
    }
  }

  #reportOf(process: ModelProcess): WorkerReport {
    const { worker, role, endpoint, owned, clock } = this.#options;
    return {
      worker,
      role,
      endpoint,
      version: process.ref.version,
      digest: process.ref.digest,
      state: process.state,
      runtime: process.runtime,
      problem: process.problem,
      owned: owned(),
      atMs: clock.nowMs(),
    };
  }
}
