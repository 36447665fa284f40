// The model's process: one package, verified, loaded, warmed and checked, then scored batch by batch.
// Flow: fd 3 is the socket to the worker. START → ACCEPTED → READY or REFUSED; then SCORE → ANSWER or FAILED, in order.
// Invariant: it ends when the socket does, so it never outlives its worker; and it holds nothing that is worth saving.

import { Socket } from 'node:net';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { MillraceError } from '../domain/errors.ts';
import type { Manifest } from '../domain/manifest.ts';
import { readGolden } from '../models/manifest.ts';
import { verifyPackage } from '../models/verify.ts';
import { tensorsProblem } from './check-tensors.ts';
import { capOwnMemory, leaveEndToWorker, offerToOomKiller } from './confine.ts';
import { type Accepted, failureOf, parseControl, type Ready, type Start, startSchema } from './control.ts';
import {
  decodeTensors,
  encodeControl,
  encodeFrame,
  encodeTensors,
  FRAME_KINDS,
  type Frame,
  FrameReader,
} from './frames.ts';
import { prepareModel } from './prepare.ts';
import { RUNTIMES } from './registry.ts';
import type { LoadedModel, ModelRuntime } from './runtime.ts';

const SOCKET_FD = 3;
/** Above what any worker keeps in flight; more means that the other side is not our worker. */
const QUEUED_FRAMES_MAX = 64;
const PROTOCOL_EXIT_CODE = 3;
const READ_BUFFER_BYTES = 1024 * 1024;

type Serving = { readonly start: Start; readonly manifest: Manifest; readonly model: LoadedModel };

function main(): void {
  leaveEndToWorker();
  offerToOomKiller();
  printAtOnce();
  const reader = new FrameReader();
  const queue: Frame[] = [];
  let working = false;
  let serving: Serving | null = null;
  // Reading into one buffer of our own: a third less time per large batch than 64 KiB chunks (measured).
  const buffer = Buffer.alloc(READ_BUFFER_BYTES);
  const onread = { buffer, callback: (bytes: number) => receive(buffer.subarray(0, bytes)) };
  const options = { fd: SOCKET_FD, readable: true, writable: true, onread };
  const socket = new Socket(options);
  const send = (parts: readonly Uint8Array[]) => {
    socket.cork();
    for (const part of parts) socket.write(part);
    socket.uncork();
  };

  async function work(): Promise<void> {
    if (working) return;
    working = true;
    for (let frame = queue.shift(); frame !== undefined; frame = queue.shift()) {
      if (serving !== null) send(await answer(serving, frame));
      else if (frame.kind === FRAME_KINDS.START) serving = await begin(parseControl(startSchema, frame), send);
    }
    working = false;
  }

  function receive(chunk: Uint8Array): boolean {
    try {
      queue.push(...reader.push(chunk));
    } catch {
      process.exit(PROTOCOL_EXIT_CODE);
    }
    if (queue.length > QUEUED_FRAMES_MAX) process.exit(PROTOCOL_EXIT_CODE);
    void work();
    return true;
  }

  for (const event of ['close', 'end', 'error']) socket.on(event, () => process.exit(0));
  socket.resume();
}

/** Node writes to a pipe that is full later, when the process may be gone: but its last words are its obituary. */
function printAtOnce(): void {
  for (const stream of [process.stdout, process.stderr]) {
    const { _handle } = stream as { readonly _handle?: { setBlocking?(isBlocking: boolean): void } };
    _handle?.setBlocking?.(true);
  }
}

/** Everything from START to READY; null after REFUSED, and then the worker closes the socket. */
async function begin(start: Start, send: (parts: readonly Uint8Array[]) => void): Promise<Serving | null> {
  try {
    const { folder, manifest } = await verifyPackage(start.root, start.endpoint, start.version);
    if (manifest.digest !== start.digest) {
      const detail = `its digest is ${manifest.digest.slice(0, 12)}…, not ${start.digest.slice(0, 12)}…`;
      throw new MillraceError('PACKAGE_DIGEST', { path: folder, file: 'model.json', detail });
    }
    const capped = capOwnMemory(manifest.memoryMb);
    const { loadDeadlineMs, memoryMb } = manifest;
    send(encodeControl(FRAME_KINDS.ACCEPTED, 0, { loadDeadlineMs, memoryMb, capped } satisfies Accepted));
    const golden = await readGolden(folder, manifest);
    const runtimes = [...RUNTIMES, ...(await furtherRuntimes(start.runtimeModules))];
    const served = { manifest, golden, entry: join(folder, manifest.entry) };
    const { label, passedOver, model } = await prepareModel(served, runtimes, () => performance.now());
    const { digest, signature, maxBatchRows, deadlineMs } = manifest;
    const ready: Ready = { runtime: label, passedOver, digest, signature, maxBatchRows, deadlineMs };
    send(encodeControl(FRAME_KINDS.READY, 0, ready));
    return { start, manifest, model };
  } catch (error) {
    send(encodeControl(FRAME_KINDS.REFUSED, 0, failureOf(error, 'MODEL_LOAD_FAILED', start)));
    return null;
  }
}

async function furtherRuntimes(modules: readonly string[]): Promise<readonly ModelRuntime[]> {
  const loaded = await Promise.all(modules.map((module) => import(module) as Promise<{ runtimes: ModelRuntime[] }>));
  return loaded.flatMap((module) => module.runtimes);
}

async function answer(serving: Serving, frame: Frame): Promise<readonly Uint8Array[]> {
  const { signature } = serving.manifest;
  const { id, rows } = frame;
  try {
    const outputs = await serving.model.run(decodeTensors(frame.payload, signature.inputs, rows));
    const problem = tensorsProblem(signature.outputs, outputs, rows);
    if (problem !== null) throw new MillraceError('MODEL_OUTPUT', { detail: problem });
    return encodeFrame({ kind: FRAME_KINDS.ANSWER, id, rows }, encodeTensors(outputs));
  } catch (error) {
    return encodeControl(FRAME_KINDS.FAILED, id, failureOf(error, 'MODEL_FAILED', serving.start));
  }
}

main();
