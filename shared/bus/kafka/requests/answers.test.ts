// Goal: a broker's answer is read as it was written, and no bytes make reading it long, large or anything but one error.
// Method: answers written by hand; then damaged ones, among them those that kept the former decoders busy for minutes.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  fetchAnswer,
  metadataAnswer,
  offsetFetchAnswer,
  produceAnswer,
} from '../../../../test/fuzz/targets/wire-pieces.ts';
import { MillraceError } from '../../../domain/errors.ts';
import { fetchRequest } from './fetch.ts';
import { metadataRequest } from './metadata.ts';
import { offsetFetchRequest } from './offset-fetch.ts';
import { produceRequest } from './produce.ts';

const limits = { maxWaitMs: 1, bytesMax: 1, partitionBytesMax: 1 };
const requests = {
  Fetch: fetchRequest({ isolation: 'read_committed', ...limits, partitions: [] }),
  Produce: produceRequest({ transactionalId: null, timeoutMs: 1, batches: [] }),
  Metadata: metadataRequest(null),
  OffsetFetch: offsetFetchRequest('g', 't', [0]),
};
const records = Buffer.from('records');
const sound: Readonly<Record<keyof typeof requests, Buffer>> = {
  Fetch: fetchAnswer('t', [
    { partition: 2, code: 0, aborted: [[7, 1]], records },
    { partition: 3, code: 6, aborted: [], records: Buffer.alloc(0) },
  ]),
  Produce: produceAnswer('t', [0, 10]),
  Metadata: metadataAnswer(['t', 'u']),
  OffsetFetch: offsetFetchAnswer('t', [5, -1]),
};
const names = Object.keys(requests) as (keyof typeof requests)[];

const decode = async (name: keyof typeof requests, payload: Buffer): Promise<object> =>
  requests[name].response.decode(payload);

describe('a sound answer', () => {
  test('to Fetch', async () => {
    const watermarks = { highWatermark: 9, lastStableOffset: 7 };
    expect(await decode('Fetch', sound.Fetch)).toEqual({
      clientSideThrottleTime: 0,
      fetched: [
        { topic: 't', partition: 2, code: 0, ...watermarks, aborted: [{ producerId: 7, firstOffset: 1 }], records },
        { topic: 't', partition: 3, code: 6, ...watermarks, aborted: [], records: Buffer.alloc(0) },
      ],
    });
  });

  test('to Produce', async () => {
    const produced = [0, 10].map((code, partition) => ({ topic: 't', partition, code }));
    expect(await decode('Produce', sound.Produce)).toEqual({ clientSideThrottleTime: 0, produced });
  });

  test('to Metadata', async () => {
    const addresses = new Map([1, 2].map((id) => [id, `broker-${id}:9092`]));
    const topics = ['t', 'u'].map((topic) => ({ topic, code: 0, internal: false, leaders: [1, 2, 1] }));
    expect(await decode('Metadata', sound.Metadata)).toEqual({ metadata: { addresses, controllerId: 1, topics } });
  });

  test('to OffsetFetch', async () => {
    expect(await decode('OffsetFetch', sound.OffsetFetch)).toEqual({
      offsets: new Map([
        [0, 5],
        [1, -1],
      ]),
    });
  });
});

describe('a damaged answer', () => {
  const unreadable = (error: unknown) =>
    error instanceof MillraceError && ['BROKER_ANSWER_UNREADABLE', 'BROKER_REFUSED'].includes(error.code);

  test.each(names)('to %s is one error, wherever it is cut', async (name) => {
    for (let length = 0; length < sound[name].length; length++) {
      const error = await decode(name, sound[name].subarray(0, length)).catch((thrown: unknown) => thrown);
      expect(error, `${length} bytes`).toMatchObject({ code: 'BROKER_ANSWER_UNREADABLE', context: { of: name } });
    }
  });

  test.each(names)('to %s with an integer of its own choice anywhere', async (name) => {
    const integer = fc.constantFrom(-1, -2, -6, 0x7fff_ffff, -0x8000_0000, 0x0100_0000, 0x7fff_0000, 0xffff);
    const place = fc.nat({ max: sound[name].length - 4 });
    await fc.assert(
      fc.asyncProperty(place, integer, async (at, value) => {
        const payload = Buffer.from(sound[name]);
        payload.writeInt32BE(value, at);
        const startMs = performance.now();
        const error = await decode(name, payload).catch((thrown: unknown) => thrown);
        expect(error instanceof Error ? unreadable(error) : true).toBe(true);
        expect(performance.now() - startMs).toBeLessThan(1_000);
      }),
    );
  });

  test('with two billion topics of no name and no partition', async () => {
    const [head, count] = [Buffer.alloc(10), Buffer.from([0x7f, 0xff, 0xff, 0xff])];
    const nothing = Buffer.from([0xff, 0xfa, 0, 0, 0, 0]);
    await expect(decode('Fetch', Buffer.concat([head, count, nothing]))).rejects.toSatisfy(unreadable);
  });

  test('with as many tags as a number can say', async () => {
    await expect(decode('OffsetFetch', Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]))).rejects.toSatisfy(unreadable);
  });

  test('with a partition far beyond the others', async () => {
    const payload = Buffer.from(sound.Metadata);
    // The first partition's number, behind the topic's code, name and flag, the list's count and its own code.
    payload.writeInt32BE(2_000_000_000, payload.indexOf('\u0000\u0001t') + 3 + 1 + 4 + 2);
    await expect(decode('Metadata', payload)).rejects.toThrow('partition 2000000000 of 3');
  });
});
