// Goal: what is written in one turn leaves together and in order; nothing is left behind.

import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { gatherWrites } from './gather-writes.ts';

test('writes of one turn and of its promises leave together, later ones apart', async () => {
  const calls: string[] = [];
  const socket = new Writable({
    writev: (chunks, done) => {
      calls.push(chunks.map(({ chunk }) => String(chunk)).join(''));
      done();
    },
  });
  gatherWrites(socket);
  socket.write(Buffer.from('a'));
  await Promise.resolve().then(() => socket.write(Buffer.from('b')));
  await new Promise((resolve) => setImmediate(resolve));
  expect(calls).toEqual(['ab']);
  socket.write(Buffer.from('c'));
  await new Promise((resolve) => setImmediate(resolve));
  expect(calls).toEqual(['ab', 'c']);
});
