// Goal: kafkajs runs with our modules inside, only when the files they replace are the ones we know.
// Method: the shipped files by hash; each adapter against vectors, and the patched queue with a stand-in.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { checkSource, client } from './client.ts';
import {
  clientRecord,
  clientRecordBatch,
  decodeClientRecord,
  filterAbortedMessages,
  groupMessagesPerPartition,
  REPLACEMENTS,
} from './replacements.ts';
import { requestFrame } from './request-frame.ts';
import { type PatchedQueue, patchRequestQueue } from './request-queue.ts';

const require = createRequire(import.meta.url);

afterEach(() => vi.useRealTimers());

/** Of kafkajs 2.2.4: its sources, in the order of their paths, as `<path> <sha256>` a line. */
const SOURCES = { count: 384, sha256: 'eb8fafc94953f289632b85add57c05b537a6dc7de273ab39d47f58eac56ef0bc' };

test('the installed kafkajs is 2.2.4, and all of its sources are the ones that our replacements and classes stand on', () => {
  const folder = dirname(require.resolve('kafkajs/package.json'));
  expect(require('kafkajs/package.json').version).toBe('2.2.4');
  const paths = readdirSync(join(folder, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.js'))
    .sort();
  const lines = paths.map((path) => `${path} ${sha256(readFileSync(join(folder, 'src', path)))}\n`);
  expect({ count: paths.length, sha256: sha256(lines.join('')) }).toEqual(SOURCES);
});

test('every replaced file of the installed kafkajs is the one we know, and is replaced', () => {
  client();
  for (const { file, exports } of REPLACEMENTS) expect(require(`kafkajs/src/${file}`)).toBe(exports);
  expect(REPLACEMENTS.map((entry) => entry.file)).toEqual(
    expect.arrayContaining([
      'consumer/filterAbortedMessages.js',
      'producer/groupMessagesPerPartition.js',
      'protocol/recordBatch/v0/index.js',
      'protocol/recordBatch/record/v0/decoder.js',
    ]),
  );
});

test('a file that differs by one byte is refused', () => {
  const [known] = REPLACEMENTS;
  expect(() => checkSource(known?.file ?? '', known?.sha256 ?? '', 'module.exports = () => []\n')).toThrowError(
    expect.objectContaining({ code: 'CLIENT_CHANGED' }),
  );
});

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

function message(offset: number, producerId: number, control?: 'abort' | 'commit') {
  const key = control === undefined ? Buffer.alloc(4) : Buffer.from([0, 0, 0, control === 'abort' ? 0 : 1]);
  const batchContext = { producerId: String(producerId), inTransaction: true };
  return { key, offset: String(offset), isControlRecord: control !== undefined, batchContext };
}

function deliveredData(messages: readonly ReturnType<typeof message>[], aborted: readonly [number, number][]) {
  const abortedTransactions = aborted.map(([producerId, firstOffset]) => ({
    producerId: String(producerId),
    firstOffset: String(firstOffset),
  }));
  const kept = filterAbortedMessages({ messages, abortedTransactions });
  return kept.filter((entry) => !entry.isControlRecord).map((entry) => Number(entry.offset));
}

test('the injected filter delivers none of the three cases that the shipped one delivers', () => {
  const openAtStart = [message(99, 1), message(100, 2), message(101, 1, 'abort'), message(102, 2, 'abort')];
  expect(
    deliveredData(openAtStart, [
      [1, 10],
      [2, 20],
    ]),
  ).toEqual([]);
  const overlapping = [message(5, 1), message(6, 2), message(7, 2, 'abort'), message(8, 1), message(9, 1, 'abort')];
  expect(
    deliveredData(overlapping, [
      [2, 6],
      [1, 5],
    ]),
  ).toEqual([]);
  // All data keys here are four zero bytes, which the shipped filter takes for an abort marker.
  expect(deliveredData([message(1, 1), message(2, 1), message(3, 1, 'abort')], [[1, 1]])).toEqual([]);
});

test('the injected grouping gives kafkajs the map that it expects', () => {
  const messages = ['a', 'b', 'c'].map((value) => ({ value }));
  const partitioner = ({ message: { value } }: { message: { value: string } }) => (value === 'b' ? 1 : 0);
  const groups = groupMessagesPerPartition({ topic: 't', partitionMetadata: [{}], messages, partitioner });
  expect(groups).toEqual({ 0: [{ value: 'a' }, { value: 'c' }], 1: [{ value: 'b' }] });
  expect(groupMessagesPerPartition({ topic: 't', partitionMetadata: [], messages, partitioner })).toEqual({});
});

test('kafkajs decodes with the injected decoder what it encodes with the injected encoder', async () => {
  client();
  const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0/index.js') as {
    RecordBatch: typeof clientRecordBatch;
  };
  const decodeBatch = require('kafkajs/src/protocol/recordBatch/v0/decoder.js');
  const Decoder = require('kafkajs/src/protocol/decoder.js');
  const records = [
    clientRecord({ key: 'k', value: 'v', headers: { a: ['1', Buffer.from('2')], b: null }, timestampDelta: 5 }),
    clientRecord({ key: null, value: null }),
  ];
  const batch = await RecordBatch({ firstTimestamp: 1_000, maxTimestamp: 1_005, records, producerId: '9' });
  const decoded = await decodeBatch(new Decoder(batch.buffer));
  expect(decoded.records[0]).toMatchObject({
    offset: '0',
    timestamp: '1005',
    key: Buffer.from('k'),
    headers: { a: [Buffer.from('1'), Buffer.from('2')], b: Buffer.alloc(0) },
    isControlRecord: false,
  });
  expect(decoded.records[1]).toMatchObject({ key: null, value: null, headers: {} });
  await expect(clientRecordBatch({ compression: 1, firstTimestamp: 0, maxTimestamp: 0 })).rejects.toThrow();
});

test('the injected decoder refuses a record that is not whole', () => {
  const context = { firstOffset: '0', firstTimestamp: '0', magicByte: 2 };
  expect(() => decodeClientRecord({ buffer: Buffer.from([0, 0, 0, 80, 1, 0]) }, context)).toThrow();
});

test('a request frame is what kafkajs writes', async () => {
  const request = { apiKey: 18, apiVersion: 2, encode: async () => ({ buffer: Buffer.from('body') }) };
  const frame = await requestFrame({ correlationId: 7, clientId: 'mill', request });
  const expected = Buffer.from('000000120012000200000007000' + '46d696c6c626f6479', 'hex');
  expect(frame.buffer.equals(expected)).toBe(true);
  expect(frame.size()).toBe(frame.buffer.length);
});

function standIn(pending: unknown[], inflight: PatchedQueue['inflight'] = new Map()) {
  const scheduled = vi.fn();
  class Queue {
    readonly pending = pending;
    readonly inflight = inflight;
    declare requestTimeoutIntervalId?: NodeJS.Timeout;
    isConnected = () => true;
    destroy(): void {
      clearInterval(this.requestTimeoutIntervalId);
    }
    scheduleCheckPendingRequests(): void {
      scheduled();
    }
    scheduleRequestTimeoutCheck(): void {}
  }
  patchRequestQueue(Queue);
  return { queue: new Queue(), scheduled };
}

test('a queue with nothing pending arms no timer, and one that holds requests back does', () => {
  const idle = standIn([]);
  idle.queue.scheduleCheckPendingRequests();
  expect(idle.scheduled).not.toHaveBeenCalled();
  const held = standIn([{}]);
  held.queue.scheduleCheckPendingRequests();
  expect(held.scheduled).toHaveBeenCalledOnce();
});

test('a request without an answer times out, by elapsed time and not by the wall clock', () => {
  vi.useFakeTimers();
  const timeoutRequest = vi.fn();
  const { queue } = standIn([], new Map([[1, { requestTimeout: 2_000, timeoutRequest }]]));
  queue.scheduleRequestTimeoutCheck();
  vi.setSystemTime(Date.now() + 3_600_000);
  vi.advanceTimersByTime(1_900);
  expect(timeoutRequest).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1_200);
  expect(timeoutRequest).toHaveBeenCalled();
  queue.destroy();
});
