// The spawner's process (spawner.ts): starts processes as it is told, and tells how they ended.
// Invariant: it ends when its worker does, and so do all of its processes.

import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { systemClock } from '../process/clock.ts';
import { stayBehind } from '../process/priority.ts';
import { childProgram, endText, notStarted } from './child-program.ts';
import { confinedCommand, leaveEndToWorker, offerToOomKiller } from './confine.ts';
import type { SpawnerNews, SpawnerOrder, SpawnOptions } from './spawner.ts';

/** Of what a process printed, so much of the end is kept for its obituary. */
const PRINTED_CHARS_MAX = 2_000;

/** The socket to the process among its file descriptors: 0 nothing, 1 and 2 captured, 3 frames. */
const SOCKET_FD = 3;

/** By id: aborted when it is brought forward. */
const running = new Map<number, AbortController>();

function start(id: number, options: SpawnOptions): void {
  try {
    watch(id, spawnChild(options), options.behind);
  } catch (error) {
    // A machine that is out of memory, say: those that run go on.
    tell({ id, ended: notStarted(error) });
  }
}

function spawnChild({ nice, environment, behind }: SpawnOptions): ChildProcess {
  const [file = process.execPath, ...args] = confinedCommand([process.execPath, childProgram('child-main')], nice);
  return spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], env: environment, detached: behind });
}

function watch(id: number, child: ChildProcess, behind: boolean): void {
  const [forward, ended] = [new AbortController(), new AbortController()];
  running.set(id, forward);
  if (behind && child.pid !== undefined) {
    void stayBehind(child.pid, { clock: systemClock, until: forward.signal, ended: ended.signal });
  }
  let printed = '';
  // Without file descriptors Node leaves even these out.
  for (const stream of [child.stdout ?? [], child.stderr ?? []].flat()) {
    // It closes after an error.
    stream.on('error', () => undefined);
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed = (printed + text).slice(-PRINTED_CHARS_MAX);
    });
  }
  const end = (how: string) => {
    running.delete(id);
    ended.abort();
    tell({ id, ended: [how, printed.trim()].filter((part) => part !== '').join('; ') });
  };
  child.once('error', (error) => end(notStarted(error)));
  // Unlike `exit`, after the last that it printed.
  child.once('close', (code, signal) => end(endText(code, signal)));
  if (child.pid !== undefined) tell({ id, pid: child.pid }, socketOf(child));
}

/** Nothing of it is read here: what the process says is for its worker. */
function socketOf(child: ChildProcess): Socket {
  const socket = child.stdio[SOCKET_FD] as Socket & { readonly _handle?: { readStop(): void } };
  // Whoever dies young may close it before it is passed on.
  socket.on('error', () => undefined);
  // Node reads from the start, and drops what comes until the worker has it. No public call stops it: pause() reads on into a buffer.
  socket._handle?.readStop();
  return socket;
}

function tell(news: SpawnerNews, socket?: Socket): void {
  process.send?.(news, socket, {}, () => socket?.destroy());
}

leaveEndToWorker();
offerToOomKiller();
process.once('disconnect', () => process.exit(0));
process.on('message', (order: SpawnerOrder) => {
  if ('spawn' in order) start(order.id, order.spawn);
  else running.get(order.id)?.abort();
});
