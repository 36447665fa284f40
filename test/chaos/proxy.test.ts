// Goal: the proxy does to one message what a fault asks for, and to all others nothing.
// Method: a server that answers every request with its own correlation id stands in for the broker.

import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import type { Clock } from '../../shared/domain/clock.ts';
import { APIS, type ApiName, FrameSplitter, requestHead, withErrorCode } from './frames.ts';
import { Meddling } from './meddling.ts';
import { BrokerProxy } from './proxy.ts';

const CONCURRENT_TRANSACTIONS = 51;
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Against what never comes, not what is slow. */
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 10_000 });

/** A clock whose sleepers wake when they are told. */
function handClock(): Clock & { wake(): void; readonly sleeping: number } {
  const sleepers: (() => void)[] = [];
  return {
    nowMs: () => 0,
    monotonicUs: () => 0,
    sleep: () => new Promise((resolve) => sleepers.push(resolve)),
    wake: () => {
      for (const one of sleepers.splice(0)) one();
    },
    get sleeping() {
      return sleepers.length;
    },
  };
}

function request(api: ApiName, correlationId: number, more: { client?: string; body?: string; pad?: number } = {}) {
  const { client = 'scorer-1', body = 'group.digits.lane.green-3', pad = 0 } = more;
  const frame = Buffer.alloc(14 + client.length + 2 + body.length + pad);
  frame.writeInt32BE(frame.length - 4, 0);
  frame.writeInt16BE(APIS[api].key, 4);
  frame.writeInt16BE(1, 6);
  frame.writeInt32BE(correlationId, 8);
  frame.writeInt16BE(client.length, 12);
  frame.write(client, 14);
  frame.writeInt16BE(body.length, 14 + client.length);
  frame.write(body, 16 + client.length);
  return frame;
}

async function world() {
  const served: number[] = [];
  const broker = createServer((socket) => {
    const splitter = new FrameSplitter();
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      for (const frame of splitter.push(chunk)) {
        served.push(requestHead(frame).correlationId);
        const answer = Buffer.alloc(14);
        answer.writeInt32BE(10, 0);
        frame.copy(answer, 4, 8, 12);
        socket.write(answer);
      }
    });
  }).listen(0, '127.0.0.1');
  await once(broker, 'listening');
  const meddling = new Meddling();
  const clock = handClock();
  const proxy = await BrokerProxy.listen({ meddling, clock });
  proxy.pointAt(`127.0.0.1:${(broker.address() as AddressInfo).port}`);
  closing.push(async () => {
    await proxy.close();
    broker.close();
  });
  return { proxy, meddling, clock, served, connect: () => connect(proxy.port) };
}

async function connect(port: number) {
  const socket: Socket = createConnection({ host: '127.0.0.1', port });
  const answers: { correlationId: number; error: number }[] = [];
  const splitter = new FrameSplitter();
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    for (const frame of splitter.push(chunk)) {
      answers.push({ correlationId: frame.readInt32BE(4), error: frame.readInt16BE(12) });
    }
  });
  await once(socket, 'connect');
  closing.unshift(async () => socket.destroy());
  return { socket, answers, ids: () => answers.map(({ correlationId }) => correlationId) };
}

it('passes everything on, in order, however the bytes arrive', async () => {
  const { connect } = await world();
  const { socket, ids } = await connect();
  const bytes = Buffer.concat([request('Fetch', 1), request('Produce', 2, { pad: 300_000 }), request('EndTxn', 3)]);
  for (let at = 0; at < bytes.length; at += 70_001) socket.write(bytes.subarray(at, at + 70_001));
  await eventually(() => expect(ids()).toEqual([1, 2, 3]));
});

it('splits frames that come byte by byte', () => {
  const splitter = new FrameSplitter();
  const bytes = Buffer.concat([request('Fetch', 1), request('EndTxn', 2)]);
  const frames = [...bytes].flatMap((byte) => splitter.push(Buffer.from([byte])));
  expect(frames.map((frame) => requestHead(frame).correlationId)).toEqual([1, 2]);
  expect(requestHead(frames[1] ?? Buffer.alloc(0)).transactionalId).toBe('group.digits.lane.green-3');
});

it('reads the transaction of a request that begins with one, and of no other', () => {
  const transactionOf = (api: ApiName) => requestHead(request(api, 1)).transactionalId;
  expect(transactionOf('Produce')).toBe('group.digits.lane.green-3');
  expect(transactionOf('Fetch')).toBe('');
});

it('swallows one answer of an API, once, after the broker has acted', async () => {
  const { meddling, served, connect } = await world();
  const { socket, ids } = await connect();
  meddling.arm({ api: 'EndTxn', deed: { do: 'swallow' } });
  for (const frame of [request('Fetch', 1), request('EndTxn', 2), request('EndTxn', 3)]) socket.write(frame);
  await eventually(() => expect(ids()).toEqual([1, 3]));
  expect(served).toEqual([1, 2, 3]);
});

it('rewrites an error code in fixed and in flexible layouts', async () => {
  const { meddling, connect } = await world();
  const { socket, answers } = await connect();
  meddling.arm({ api: 'EndTxn', deed: { do: 'rewrite', code: CONCURRENT_TRANSACTIONS } });
  socket.write(request('EndTxn', 7));
  await eventually(() => expect(answers).toEqual([{ correlationId: 7, error: CONCURRENT_TRANSACTIONS }]));
  expect(withErrorCode(Buffer.alloc(16), 'EndTxn', 3, 51)?.readInt16BE(13)).toBe(51);
  expect(withErrorCode(Buffer.alloc(16), 'Produce', 3, 51)).toBeNull();
});

it('delays an answer and what is behind it', async () => {
  const { meddling, clock, connect } = await world();
  const { socket, ids } = await connect();
  meddling.arm({ api: 'Heartbeat', deed: { do: 'delay', ms: 5_000 } });
  for (const frame of [request('Fetch', 1), request('Heartbeat', 2), request('Fetch', 3)]) socket.write(frame);
  await eventually(() => expect(clock.sleeping).toBe(1));
  expect(ids()).toEqual([1]);
  clock.wake();
  await eventually(() => expect(ids()).toEqual([1, 2, 3]));
});

it('delivers a request long after its connection broke', async () => {
  const { meddling, clock, served, connect } = await world();
  const { socket } = await connect();
  meddling.arm({ api: 'EndTxn', deed: { do: 'late', ms: 5_000 } });
  socket.write(request('EndTxn', 9));
  await once(socket, 'close');
  expect(served).toEqual([]);
  clock.wake();
  await eventually(() => expect(served).toEqual([9]));
});

it('holds the request of one client, and says so', async () => {
  const { meddling, served, connect } = await world();
  const { socket, ids } = await connect();
  const held: string[] = [];
  meddling.arm({
    api: 'EndTxn',
    deed: { do: 'hold', reached: ({ transactionalId }) => held.push(transactionalId) },
    applies: ({ clientId }) => clientId === 'scorer-2',
  });
  for (const frame of [request('EndTxn', 1), request('EndTxn', 2, { client: 'scorer-2' })]) socket.write(frame);
  await eventually(() => expect(held).toEqual(['group.digits.lane.green-3']));
  await eventually(() => expect(ids()).toEqual([1]));
  expect(served).toEqual([1]);
});

it('stalls one direction until it may flow, and cuts connections, but never those of watchers', async () => {
  const { proxy, served, connect } = await world();
  const client = await connect();
  const watcher = await connect();
  client.socket.write(request('Fetch', 1));
  watcher.socket.write(request('Fetch', 2, { client: 'watch' }));
  await eventually(() => expect([...client.ids(), ...watcher.ids()]).toEqual([1, 2]));
  proxy.stall('responses');
  client.socket.write(request('Fetch', 3));
  watcher.socket.write(request('Fetch', 4, { client: 'watch' }));
  await eventually(() => expect(watcher.ids()).toEqual([2, 4]));
  await eventually(() => expect(served).toContain(3));
  expect(client.ids()).toEqual([1]);
  proxy.flow();
  await eventually(() => expect(client.ids()).toEqual([1, 3]));
  expect(proxy.cut()).toBe(1);
  await once(client.socket, 'close');
  watcher.socket.write(request('Fetch', 5, { client: 'watch' }));
  await eventually(() => expect(watcher.ids()).toEqual([2, 4, 5]));
});
