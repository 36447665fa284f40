// Child link: one run of a model's process, from spawn to exit, and the frames to and from it.
// Invariant: `ended` resolves exactly once, after the last frame was delivered; after `kill` no frame is delivered, and `ended` waits
//            for nobody's goodwill: not for the process's, nor for the spawner's.

import type { Socket } from 'node:net';
import type { Clock } from '../domain/clock.ts';
import { errorText } from '../domain/errors.ts';
import { type Frame, FrameReader } from './frames.ts';
import type { Spawner, SpawnOptions } from './spawner.ts';

/** From a kill to its obituary; a spawner that stands still writes none. */
const OBITUARY_DEADLINE_MS = 2_000;

export interface ChildEnd {
  /** e.g. `signal SIGSEGV`, `exit code 134`, and the last lines that it printed. */
  readonly detail: string;
}

export interface ChildLinkOptions extends SpawnOptions {
  readonly onFrame: (frame: Frame) => void;
  readonly clock: Clock;
}

export class ChildLink {
  readonly ended: Promise<ChildEnd>;
  readonly #reader = new FrameReader();
  readonly #onFrame: (frame: Frame) => void;
  readonly #spawner: Spawner;
  readonly #clock: Clock;
  readonly #id: number;
  #socket: Socket | null = null;
  /** What is to be sent before there is a socket. */
  #unsent: Uint8Array[] = [];
  #pid: number | undefined;
  #killed = false;
  readonly #over = new AbortController();
  #resolve: (end: ChildEnd) => void = () => undefined;
  #protocolError = '';

  constructor(spawner: Spawner, options: ChildLinkOptions) {
    const { onFrame, clock, ...spawnOptions } = options;
    this.#onFrame = onFrame;
    this.#clock = clock;
    this.#spawner = spawner;
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#id = spawner.spawn(spawnOptions, {
      onSpawned: (pid, socket) => {
        this.#pid = pid;
        this.#open(socket);
      },
      onEnded: (how) => this.#end(how),
      onOrphaned: (how) => {
        if (this.#pid !== undefined) killAtOnce(this.#pid);
        this.#end(how);
      },
    });
  }

  /** Undefined until it was spawned. */
  get pid(): number | undefined {
    return this.#pid;
  }

  send(parts: readonly Uint8Array[]): void {
    const socket = this.#socket;
    if (socket === null) {
      this.#unsent.push(...parts);
      return;
    }
    if (socket.destroyed || !socket.writable) return;
    socket.cork();
    for (const part of parts) socket.write(part);
    socket.uncork();
  }

  /** Ends the process at once, whatever it does. */
  kill(): void {
    if (this.#killed || this.#over.signal.aborted) return;
    this.#killed = true;
    if (this.#pid === undefined) this.#spawner.order(this.#id, 'end');
    else killAtOnce(this.#pid);
    void this.#endUntold();
  }

  /** It works beside its worker, no longer behind. */
  comeForward(): void {
    this.#spawner.order(this.#id, 'forward');
  }

  async #endUntold(): Promise<void> {
    const over = this.#over.signal;
    await this.#clock.sleep(OBITUARY_DEADLINE_MS, over);
    if (over.aborted) return;
    this.#socket?.destroy();
    this.#end('it was killed');
  }

  #end(how: string): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    const end = () => this.#resolve({ detail: [this.#protocolError, how].filter((part) => part !== '').join('; ') });
    // An answer that was already sent is not lost.
    if (this.#socket === null || this.#socket.closed) end();
    else this.#socket.once('close', end).end();
  }

  #open(socket: Socket): void {
    // It is killed as soon as its spawner hears of it.
    if (this.#killed) return void socket.destroy();
    this.#socket = socket;
    // A write to a process that has just died fails here; `ended` tells what happened.
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Uint8Array) => this.#receive(chunk));
    this.send(this.#unsent.splice(0));
  }

  #receive(chunk: Uint8Array): void {
    if (this.#killed) return;
    try {
      for (const frame of this.#reader.push(chunk)) this.#onFrame(frame);
    } catch (error) {
      this.#protocolError = errorText(error);
      this.kill();
    }
  }
}

/** Its number is no other's so soon after its end: the kernel gives them out in turn. */
function killAtOnce(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
