// Probe: does a Kafka answer there, and of how many nodes does it know?
// Flow: find.ts and the starters ask until a cluster is complete. Speaks the wire protocol by hand, so that this folder
//       needs no client.
// Wire: size i32, api i16, version i16, correlation i32, client id (i16 length, bytes), body. Answer: size i32, correlation
//       i32, body. Metadata v1 for no topics: topics i32 = 0. Answer: brokers i32, …

import { createConnection, type Socket } from 'node:net';
import type { Clock } from '../domain/clock.ts';

const PROBE_TIMEOUT_MS = 2_000;
const PROBE_INTERVAL_MS = 100;
const CLIENT_ID = 'millrace-probe';
/** Size and correlation. */
const ANSWER_HEAD_BYTES = 8;
const METADATA = { apiKey: 3, apiVersion: 1, body: Buffer.alloc(4) } as const;

/** One request: its API and version by Kafka's numbers, with a header of version 1. */
export interface PlainRequest {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly body: Buffer;
}

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
  const answer = await ask(address, METADATA, (body) => body.length >= 4);
  return answer?.readInt32BE(0) ?? 0;
}

/**
 * The body of the answer to one request, or null when none comes within 2 s. Never rejects.
 * @param enough when a part of the body will do; default: all of it
 */
export function ask(
  address: string,
  request: PlainRequest,
  enough: (body: Buffer, size: number) => boolean = (body, size) => body.length >= size,
): Promise<Buffer | null> {
  return converse<Buffer>(address, (socket, done) => {
    let answer = Buffer.alloc(0);
    socket.on('connect', () => socket.write(encode(request)));
    socket.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length < ANSWER_HEAD_BYTES) return;
      const body = answer.subarray(ANSWER_HEAD_BYTES);
      if (enough(body, answer.readInt32BE(0) - 4)) done(body);
    });
  });
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

function encode({ apiKey, apiVersion, body }: PlainRequest): Buffer {
  const head = Buffer.alloc(4 + 8 + 2 + CLIENT_ID.length);
  head.writeInt32BE(head.length - 4 + body.length, 0);
  head.writeInt16BE(apiKey, 4);
  head.writeInt16BE(apiVersion, 6);
  head.writeInt32BE(1, 8);
  head.writeInt16BE(CLIENT_ID.length, 12);
  head.write(CLIENT_ID, 14, 'latin1');
  return Buffer.concat([head, body]);
}
