// Replicas: how many copies of partitions a cluster lacks, asked by hand of one node past its proxy.
// Wire: Metadata v1 for all topics. Answer: size, correlation, brokers (id i32, host, port i32, rack), controller i32,
//       topics (error i16, name, internal i8, partitions (error i16, id i32, leader i32, replicas i32[], in sync i32[])).

import { createConnection } from 'node:net';
import { parseAddress } from '../../shared/broker/probe.ts';
import { FrameSplitter } from './frames.ts';

const TIMEOUT_MS = 3_000;
const CLIENT_ID = 'watch-replicas';

/** Replicas that are not in sync, or null when the node at `address` does not answer. Never rejects. */
export function replicasBehind(address: string): Promise<number | null> {
  const target = parseAddress(address);
  if (target === null) return Promise.resolve(null);
  return new Promise((resolve) => {
    const socket = createConnection({ ...target, timeout: TIMEOUT_MS });
    const splitter = new FrameSplitter();
    const done = (behind: number | null) => {
      socket.destroy();
      resolve(behind);
    };
    for (const failure of ['timeout', 'error', 'close'] as const) socket.on(failure, () => done(null));
    socket.on('connect', () => socket.write(metadataRequest()));
    socket.on('data', (chunk) => {
      const [frame] = splitter.push(chunk);
      if (frame !== undefined) done(behindOf(frame));
    });
  });
}

function metadataRequest(): Buffer {
  const frame = Buffer.alloc(14 + CLIENT_ID.length + 4);
  frame.writeInt32BE(frame.length - 4, 0);
  frame.writeInt16BE(3, 4);
  frame.writeInt16BE(1, 6);
  frame.writeInt32BE(1, 8);
  frame.writeInt16BE(CLIENT_ID.length, 12);
  frame.write(CLIENT_ID, 14, 'latin1');
  frame.writeInt32BE(-1, 14 + CLIENT_ID.length);
  return frame;
}

/** @returns replicas that no partition's leader counts as in sync; a partition without a leader lacks all */
export function behindOf(frame: Buffer): number {
  let at = 8;
  const skip = (bytes: number): number => {
    at += bytes;
    return at - bytes;
  };
  const int16 = () => frame.readInt16BE(skip(2));
  const int32 = () => frame.readInt32BE(skip(4));
  const text = () => {
    const bytes = int16();
    skip(Math.max(0, bytes));
  };
  const each = (read: () => void): number => {
    const count = Math.max(0, int32());
    for (let index = 0; index < count; index++) read();
    return count;
  };
  each(() => {
    int32();
    text();
    int32();
    text();
  });
  int32();
  let behind = 0;
  each(() => {
    int16();
    text();
    skip(1);
    each(() => {
      int16();
      int32();
      const leader = int32();
      const replicas = each(int32);
      const inSync = each(int32);
      behind += leader < 0 ? replicas : replicas - inSync;
    });
  });
  return behind;
}
