// Goal: a cluster that has not caught up is told from one that has.
// Method: answers of the wire protocol, built by hand.

import { expect, it } from 'vitest';
import { behindOf } from './replicas.ts';

const int16 = (value: number) => Buffer.from([(value >> 8) & 255, value & 255]);
const int32 = (value: number) => Buffer.concat([int16(value >> 16), int16(value)]);
const text = (value: string) => Buffer.concat([int16(value.length), Buffer.from(value)]);
const list = (items: readonly Buffer[]) => Buffer.concat([int32(items.length), ...items]);
const noText = int16(-1);

interface Partition {
  readonly leader: number;
  readonly replicas: readonly number[];
  readonly inSync: readonly number[];
}

function metadata(partitions: readonly Partition[]): Buffer {
  const broker = Buffer.concat([int32(1), text('127.0.0.1'), int32(9092), noText]);
  const stored = partitions.map(({ leader, replicas, inSync }, id) =>
    Buffer.concat([int16(0), int32(id), int32(leader), list(replicas.map(int32)), list(inSync.map(int32))]),
  );
  const topic = Buffer.concat([int16(0), text('digits.requests'), Buffer.from([0]), list(stored)]);
  return Buffer.concat([int32(0), int32(1), list([broker]), int32(1), list([topic, topic])]);
}

it('counts what leaders do not see in sync, of every partition and topic', () => {
  const whole = { leader: 1, replicas: [1, 2, 3], inSync: [1, 2, 3] };
  expect(behindOf(metadata([whole, whole]))).toBe(0);
  expect(behindOf(metadata([whole, { ...whole, inSync: [1] }]))).toBe(4);
});

it('a partition without a leader lacks all of its replicas', () => {
  expect(behindOf(metadata([{ leader: -1, replicas: [1, 2, 3], inSync: [1, 2, 3] }]))).toBe(6);
});
