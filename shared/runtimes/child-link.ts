// Child link: one run of a model's process, from spawn to exit, and the frames to and from it.
// Invariant: `ended` resolves exactly once, after the last frame was delivered; after `kill` no frame is delivered.

import type { Socket } from 'node:net';
import { errorText } from '../domain/errors.ts';
import { type Frame, FrameReader } from './frames.ts';
import type { Spawner, SpawnOptions } from './spawner.ts';

export interface ChildEnd {
  /** e.g. `signal SIGSEGV`, `exit code 134`, and the last lines that it printed. */
  readonly detail: string;
}

export interface ChildLinkOptions extends SpawnOptions {
  readonly onFrame: (frame: Frame) => void;
}

export class ChildLink {
  readonly ended: Promise<ChildEnd>;
  readonly #reader = new FrameReader();
  readonly #onFrame: (frame: Frame) => void;
  readonly #spawner: Spawner;
  readonly #id: number;
  #socket: Socket | null = null;
  /** What is to be sent before there is a socket. */
  #unsent: Uint8Array[] = [];
  #pid: number | undefined;
  #killed = false;
  #protocolError = '';

  constructor(spawner: Spawner, options: ChildLinkOptions) {
    const { onFrame, ...spawnOptions } = options;
    this.#onFrame = onFrame;
    this.#spawner = spawner;
    let resolve: (end: ChildEnd) => void = () => undefined;
    this.ended = new Promise((done) => {
      resolve = done;
    });
    this.#id = spawner.spawn(spawnOptions, {
      onSpawned: (pid, socket) => {
        this.#pid = pid;
        this.#open(socket);
      },
      onEnded: (how) => {
        const end = () => resolve({ detail: [this.#protocolError, how].filter((part) => part !== '').join('; ') });
        // An answer that was already sent is not lost.
        if (this.#socket === null || this.#socket.closed) end();
        else this.#socket.once('close', end).end();
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
    this.#killed = true;
    this.#spawner.order(this.#id, 'end');
  }

  /** It works beside its worker, no longer behind. */
  comeForward(): void {
    this.#spawner.order(this.#id, 'forward');
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
