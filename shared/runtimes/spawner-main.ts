// The spawner's process (spawner.ts): starts and ends processes as it is told, and tells how they ended.
// Invariant: it ends when its worker does, and so do all of its processes.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { systemClock } from '../process/clock.ts';
import { stayBehind } from '../process/priority.ts';
import { childProgram, endText } from './child-program.ts';
import { confinedCommand, leaveEndToWorker, offerToOomKiller } from './confine.ts';
import type { SpawnerNews, SpawnerOrder, SpawnOptions } from './spawner.ts';

/** Of what a process printed, so much of the end is kept for its obituary. */
const PRINTED_CHARS_MAX = 2_000;

/** The socket to the process among its file descriptors: 0 nothing, 1 and 2 captured, 3 frames. */
const SOCKET_FD = 3;

interface Running {
  readonly child: ChildProcess;
  readonly forward: AbortController;
}

const running = new Map<number, Running>();

function start(id: number, { nice, environment, behind }: SpawnOptions): void {
  const [file = process.execPath, ...args] = confinedCommand([process.execPath, childProgram('child-main')], nice);
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: environment,
    detached: behind,
  });
  const [forward, ended] = [new AbortController(), new AbortController()];
  running.set(id, { child, forward });
  if (behind && child.pid !== undefined) {
    void stayBehind(child.pid, { clock: systemClock, until: forward.signal, ended: ended.signal });
  }
  let printed = '';
  const capture = (stream: Readable): Promise<unknown> => {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed = (printed + text).slice(-PRINTED_CHARS_MAX);
    });
    return once(stream, 'close');
  };
  const captured = Promise.all([child.stdout, child.stderr].filter((stream) => stream !== null).map(capture));
  const end = (how: string) => {
    running.delete(id);
    ended.abort();
    tell({ id, ended: [how, printed.trim()].filter((part) => part !== '').join('; ') });
  };
  child.once('error', (error) => end(`it did not start: ${error.message}`));
  child.once('exit', async (code, signal) => {
    await captured;
    end(endText(code, signal));
  });
  const socket = child.stdio[SOCKET_FD] as Socket;
  // Whoever dies young may close it before it is passed on.
  socket.on('error', () => undefined);
  if (child.pid !== undefined) tell({ id, pid: child.pid }, socket);
}

function tell(news: SpawnerNews, socket?: Socket): void {
  process.send?.(news, socket, {}, () => socket?.destroy());
}

leaveEndToWorker();
offerToOomKiller();
process.once('disconnect', () => process.exit(0));
process.on('message', (order: SpawnerOrder) => {
  if ('spawn' in order) start(order.id, order.spawn);
  else if (order.to === 'forward') running.get(order.id)?.forward.abort();
  else running.get(order.id)?.child.kill('SIGKILL');
});
