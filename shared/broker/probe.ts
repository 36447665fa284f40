// Probe: does a Kafka answer there, and of how many nodes does it know?
// Flow: find.ts and the starters ask until a cluster is complete. Speaks one request of the wire protocol by hand, so that
//       this folder needs no client.
// Wire: Metadata v1 for no topics: size i32, api 3 i16, version 1 i16, correlation i32, client id (i16 length, bytes),
//       topics i32 = 0. Answer: size i32, correlation i32, brokers i32, …

import { createConnection, type Socket } from 'node:net';
import type { Clock } from '../domain/clock.ts';

const PROBE_TIMEOUT_MS = 2_000;
const PROBE_INTERVAL_MS = 100;
const CLIENT_ID = 'millrace-probe';
const ANSWER_HEAD_BYTES = 12;

/** Splits `host:port`; null when it is not that. IPv6 addresses stand in brackets. */
export function parseAddress(address: string): { readonly host: string; readonly port: number } | null {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:\s/]+):(\d{1,5})$/.exec(address);
  if (match === null) return null;
  const [, host = '', digits = ''] = match;
  const port = Number(digits);
  if (port < 1 || port > 65_535) return null;
  return { host: host.replace(/^\[|\]$/g, ''), port };
}

/** Whether something takes TCP connections at `address`. Never rejects; at most 2 s. */
export async function reachable(address: string): Promise<boolean> {
  return (await converse(address, (socket, done) => socket.on('connect', () => done(true)))) ?? false;
}

/** Live brokers that the node at `address` knows of; 0 when it does not answer. Never rejects; at most 2 s. */
export async function brokerCount(address: string): Promise<number> {
  const count = await converse<number>(address, (socket, done) => {
    let answer = Buffer.alloc(0);
    socket.on('connect', () => socket.write(metadataRequest()));
    socket.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length >= ANSWER_HEAD_BYTES) done(answer.readInt32BE(8));
    });
  });
  return count ?? 0;
}

/** Asks `address` until it knows of `nodes` brokers. @returns false after `deadlineMs`, or when `gaveUp` says so. */
export async function answersWithin(
  address: string,
  want: { readonly nodes: number; readonly deadlineMs: number; readonly gaveUp?: () => boolean },
  clock: Clock,
): Promise<boolean> {
  const endMs = clock.nowMs() + want.deadlineMs;
  while (clock.nowMs() < endMs && want.gaveUp?.() !== true) {
    if ((await brokerCount(address)) >= want.nodes) return true;
    await clock.sleep(PROBE_INTERVAL_MS);
  }
  return false;
}

function converse<T>(address: string, talk: (socket: Socket, done: (value: T) => void) => void): Promise<T | null> {
  const target = parseAddress(address);
  if (target === null) return Promise.resolve(null);
  return new Promise((resolve) => {
    const socket = createConnection({ ...target, timeout: PROBE_TIMEOUT_MS });
    const done = (value: T | null) => {
      socket.destroy();
      resolve(value);
    };
    socket.on('timeout', () => done(null));
    socket.on('error', () => done(null));
    socket.on('close', () => done(null));
    talk(socket, done);
  });
}

function metadataRequest(): Buffer {
  const body = Buffer.alloc(8 + 2 + CLIENT_ID.length + 4);
  body.writeInt16BE(3, 0);
  body.writeInt16BE(1, 2);
  body.writeInt32BE(1, 4);
  body.writeInt16BE(CLIENT_ID.length, 8);
  body.write(CLIENT_ID, 10, 'latin1');
  body.writeInt32BE(0, 10 + CLIENT_ID.length);
  const size = Buffer.alloc(4);
  size.writeInt32BE(body.length);
  return Buffer.concat([size, body]);
}
