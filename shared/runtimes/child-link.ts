// Child link: one run of a model's process, from spawn to exit, and the frames to and from it.
// Invariant: `ended` resolves exactly once, after the last frame was delivered; after `kill` no frame is delivered, and `ended` waits
//            for nobody's goodwill: not for the process's, nor for the spawner's.

import type { Socket } from 'node:net';
import type { Clock } from '../domain/clock.ts';
import { errorText } from '../domain/errors.ts';
import { type Frame, FrameReader } from './frames.ts';
import { killAtOnce, type Spawner, type SpawnOptions } from './spawner.ts';

/** From a kill to its obituary: a spawner that stands still writes none, and the kernel may not be done with the process for long. */
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
  /** Whether its end was told: its number may be another's from then on. */
  #told = false;
  /** Aborted when `ended` resolves. */
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
        if (!this.#killed) return this.#open(socket);
        killAtOnce(pid);
        socket.destroy();
      },
      onEnded: (how) => {
        this.#told = true;
        this.#drain(how);
      },
      onOrphaned: (how) => {
        if (this.#pid !== undefined && !this.#killed) killAtOnce(this.#pid);
        this.#told = true;
        this.#drain(how);
        void this.#endSoon(how);
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
    if (this.#killed) return;
    this.#killed = true;
    // One that is still to be spawned is killed then.
    if (this.#pid !== undefined && !this.#told) killAtOnce(this.#pid);
    void this.#endSoon('it was killed');
  }

  /** It works beside its worker, no longer behind. */
  comeForward(): void {
    this.#spawner.bringForward(this.#id);
  }

  /** Whatever is left of the process: nobody waits for it longer. */
  async #endSoon(how: string): Promise<void> {
    await this.#clock.sleep(OBITUARY_DEADLINE_MS, this.#over.signal);
    this.#end(how);
  }

  /** An answer that was already sent is not lost. */
  #drain(how: string): void {
    if (this.#killed || this.#socket === null || this.#socket.closed) this.#end(how);
    else this.#socket.once('close', () => this.#end(how)).end();
  }

  #end(how: string): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.#socket?.destroy();
    this.#resolve({ detail: [this.#protocolError, how].filter((part) => part !== '').join('; ') });
  }

  #open(socket: Socket): void {
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
