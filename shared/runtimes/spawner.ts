// Spawner: a small process that starts the models' processes for its worker, and tells when they end.
// Why: to start a process, Node copies the page tables of its own (fork(2)). In a worker of 300 MB that stops everybody's answers for
//      28 ms, and the pages that it writes afterwards cost twice as much again (measured); here it costs nobody anything.
// Flow: worker → SPAWN → process; its socket ← worker (a file descriptor, passed on); its obituary ← worker.
// Invariant: each ward hears of its end exactly once, also when the spawner does not start, or ends itself.

import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { errorText } from '../domain/errors.ts';
import { childProgram, endText, notStarted } from './child-program.ts';
import { confinedCommand } from './confine.ts';

export interface SpawnOptions {
  /** CPU priority, 0 (live) to 19 (shadow). */
  readonly nice: number;
  /** All of the process's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Whether it works behind its worker until it is brought forward: in a session of its own, whose priority may be told too. */
  readonly behind: boolean;
}

/** What the worker tells. */
export type SpawnerOrder = { readonly id: number } & ({ readonly spawn: SpawnOptions } | { readonly forward: true });

/** What the spawner tells. The first comes with the socket. */
export type SpawnerNews = { readonly id: number } & ({ readonly pid: number } | { readonly ended: string });

/** Whoever had a process started. */
export interface Ward {
  onSpawned(pid: number, socket: Socket): void;
  /** @param detail e.g. `signal SIGSEGV`, `exit code 134`, and the last lines that it printed */
  onEnded(detail: string): void;
  /** What started it has ended. Its process does so too where the kernel sees to that (confine.ts); elsewhere it may live on. */
  onOrphaned(detail: string): void;
}

export class Spawner {
  readonly #wards = new Map<number, Ward>();
  #process: ChildProcess | null = null;
  #lastId = 0;

  /** @returns its id, for `bringForward` */
  spawn(options: SpawnOptions, ward: Ward): number {
    const id = ++this.#lastId;
    try {
      this.#process ??= this.#start(options.environment);
    } catch (error) {
      // A machine that is out of memory, say.
      queueMicrotask(() => ward.onEnded(notStarted(error)));
      return id;
    }
    this.#wards.set(id, ward);
    this.#process.ref();
    this.#process.channel?.ref();
    this.#tell({ id, spawn: options });
    return id;
  }

  /** It works beside its worker from now on. */
  bringForward(id: number): void {
    this.#tell({ id, forward: true });
  }

  /** @param env nothing of the worker's own, as for whatever it starts */
  #start(env: SpawnOptions['environment']): ChildProcess {
    const [file = process.execPath, ...args] = confinedCommand([process.execPath, childProgram('spawner-main')], 0);
    const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env });
    const end = (how: string) => {
      // The next one is none of its business.
      if (this.#process !== child) return;
      this.#process = null;
      const wards = [...this.#wards.values()];
      this.#wards.clear();
      for (const ward of wards) ward.onOrphaned(`what started it ended: ${how}`);
    };
    child.on('message', (news: SpawnerNews, socket) => this.#hear(news, socket as Socket | undefined));
    child.once('error', (error) => end(errorText(error)));
    child.once('exit', (code, signal) => end(endText(code, signal)));
    return child;
  }

  #hear(news: SpawnerNews, socket: Socket | undefined): void {
    const ward = this.#wards.get(news.id);
    if ('pid' in news) {
      if (ward === undefined) {
        // Its spawner has ended before this was heard.
        killAtOnce(news.pid);
        socket?.destroy();
      } else if (socket !== undefined) ward.onSpawned(news.pid, socket);
      return;
    }
    this.#wards.delete(news.id);
    ward?.onEnded(news.ended);
    if (this.#wards.size > 0) return;
    // Nobody is to be kept alive by a spawner that has nothing to do.
    this.#process?.unref();
    this.#process?.channel?.unref();
  }

  /** A spawner that has just ended hears nothing; its wards are told by its exit. */
  #tell(order: SpawnerOrder): void {
    if (this.#process?.connected === true) this.#process.send(order, () => undefined);
  }
}

/** A process that has just been heard of, or has ended since: the kernel gives numbers out in turn, so this is nobody else's yet. */
export function killAtOnce(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
