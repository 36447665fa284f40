// Replicas: how many copies of partitions a cluster lacks, asked by hand of one node past its proxy.
// Wire: Metadata v1 for all topics. Answer: size, correlation, brokers (id i32, host, port i32, rack), controller i32,
//       topics (error i16, name, internal i8, partitions (error i16, id i32, leader i32, replicas i32[], in sync i32[])).

import { createConnection } from 'node:net';
import { parseAddress } from '../../shared/broker/probe.ts';
import { AnswerCursor } from '../../shared/bus/kafka/internals/answer-cursor.ts';
import { FrameSplitter } from './frames.ts';

const TIMEOUT_MS = 3_000;
const CLIENT_ID = 'watch-replicas';
/** Size and correlation id. */
const FRAME_HEAD_BYTES = 8;
/** Least bytes of a broker, a topic and a partition in the answer. */
const BROKER_BYTES = 12;
const TOPIC_BYTES = 9;
const PARTITION_BYTES = 18;

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
  const cursor = new AnswerCursor(frame.subarray(FRAME_HEAD_BYTES), 'Metadata');
  const count = () => {
    let items = 0;
    cursor.each(4, () => {
      cursor.int32();
      items += 1;
    });
    return items;
  };
  cursor.each(BROKER_BYTES, () => {
    cursor.int32(); // id
    cursor.text(); // host
    cursor.int32(); // port
    cursor.text(); // rack
  });
  cursor.int32(); // controller
  let behind = 0;
  cursor.each(TOPIC_BYTES, () => {
    cursor.int16(); // error
    cursor.text(); // name
    cursor.boolean(); // internal
    cursor.each(PARTITION_BYTES, () => {
      cursor.int16(); // error
      cursor.int32(); // id
      const leader = cursor.int32();
      const replicas = count();
      const inSync = count();
      behind += leader < 0 ? replicas : replicas - inSync;
    });
  });
  return behind;
}
