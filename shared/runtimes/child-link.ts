// Child link: one run of a model's process, from spawn to exit, and the frames to and from it.
// Invariant: `ended` resolves exactly once, after the last frame was delivered; after `kill` no frame is delivered.

import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex, Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { errorText } from '../domain/errors.ts';
import { confinedCommand, modelEnvironment } from './confine.ts';
import { type Frame, FrameReader } from './frames.ts';

/** Of what the process printed, so much of the end is kept for its obituary. */
const PRINTED_CHARS_MAX = 2_000;

/** The socket to the process among its file descriptors: 0 nothing, 1 and 2 captured, 3 frames. */
const SOCKET_FD = 3;

export interface ChildEnd {
  /** e.g. `signal SIGSEGV`, `exit code 134`, and the last lines that it printed. */
  readonly detail: string;
}

export interface ChildLinkOptions {
  /** CPU priority, 0 (live) to 19 (shadow). */
  readonly nice: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onFrame: (frame: Frame) => void;
}

/**
 * The child's program. Sources run under Vitest without a TypeScript loader for child processes: there it is the
 * compiled one in dist/, which test/support/build-child.ts refreshes before any test.
 */
export function childProgram(ownUrl: string = import.meta.url): string {
  const compiled = ownUrl.endsWith('.ts') ? '../../dist/shared/runtimes/child-main.js' : './child-main.js';
  return fileURLToPath(new URL(compiled, ownUrl));
}

export class ChildLink {
  readonly ended: Promise<ChildEnd>;
  readonly #child: ChildProcess;
  readonly #socket: Duplex;
  readonly #reader = new FrameReader();
  readonly #onFrame: (frame: Frame) => void;
  #printed = '';
  #killed = false;
  #protocolError = '';

  constructor(options: ChildLinkOptions) {
    const [file = process.execPath, ...args] = confinedCommand([process.execPath, childProgram()], options.nice);
    this.#onFrame = options.onFrame;
    this.#child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: modelEnvironment(options.environment),
    });
    this.#socket = this.#child.stdio[SOCKET_FD] as Duplex;
    this.#capture(this.#child.stdout);
    this.#capture(this.#child.stderr);
    // A write to a process that has just died fails here; `ended` tells what happened.
    this.#socket.on('error', () => undefined);
    this.#socket.on('data', (chunk: Uint8Array) => this.#receive(chunk));
    this.ended = this.#end();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  send(parts: readonly Uint8Array[]): void {
    if (this.#socket.destroyed || !this.#socket.writable) return;
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
  }

  /** Ends the process at once, whatever it does. */
  kill(): void {
    this.#killed = true;
    this.#child.kill('SIGKILL');
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

  #capture(stream: Readable | null): void {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      this.#printed = (this.#printed + text).slice(-PRINTED_CHARS_MAX);
    });
  }

  /** `close` comes after `exit` and after all pipes are read, so an answer that was already sent is not lost. */
  #end(): Promise<ChildEnd> {
    return new Promise((resolve) => {
      this.#child.on('error', (error) => resolve({ detail: `it did not start: ${error.message}` }));
      this.#child.once('close', (code, signal) => {
        const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
        const printed = this.#printed.trim();
        const words = [this.#protocolError, how, printed].filter((part) => part !== '');
        resolve({ detail: words.join('; ') });
      });
    });
  }
}
