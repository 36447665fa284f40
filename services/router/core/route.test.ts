// Route: what the record looks like that takes a request to its lane.

import { describe, expect, it } from 'vitest';
import { foreignHeaders, HEADER, header, headerText } from '../../../shared/domain/headers.ts';
import { HEADERS_MAX, type Header, type InRecord } from '../../../shared/domain/record.ts';
import { encodedBytes } from '../../../shared/domain/record-bytes.ts';
import { REQUEST_ID_BYTES_MAX } from '../../../shared/domain/route.ts';
import { REQUEST_BYTES_MAX, topicsOf } from '../../../shared/domain/topics.ts';
import { bytesOf, canaryOf, cutOf, modelOf, planOf, requestAt } from '../../../test/support/plans.ts';
import { routeRequest } from './route.ts';

const topics = topicsOf('p.');
const blue = [cutOf(planOf(4), 0)];
const route = (record: InRecord) => routeRequest(topics, blue, record);
const says = (record: { readonly headers: InRecord['headers'] }, name: string) => headerText(record.headers, name);

describe('a routed request', () => {
  it('keeps key, bytes and partition', () => {
    const request = requestAt(9, { partition: 3 });
    const { key, value, partition } = request;
    expect(route(request)).toMatchObject({ topic: 'p.numbers.lane.blue', key, value, partition });
  });

  it('says where it came from, who must answer, and by which plan', () => {
    const routed = route(requestAt(9, { partition: 3 }));
    expect(foreignHeaders(routed.headers)).toEqual([]);
    const names = [HEADER.source, HEADER.version, HEADER.digest, HEADER.lane, HEADER.plan];
    expect(names.map((name) => says(routed, name))).toEqual(['3@9', '1', modelOf(1).digest, 'blue', '4']);
    expect(Number(says(routed, HEADER.bucket))).toBeLessThan(10_000);
  });

  it('is called by its CloudEvents id, else by its place', () => {
    expect(says(route(requestAt(9)), HEADER.requestId)).toBe('numbers.requests-0-9');
    const named = requestAt(9, { headers: [header('ce_id', 'order-7')] });
    expect(says(route(named), HEADER.requestId)).toBe('order-7');
    const endless = requestAt(9, { headers: [header('ce_id', 'x'.repeat(REQUEST_ID_BYTES_MAX + 1))] });
    expect(says(route(endless), HEADER.requestId)).toBe('numbers.requests-0-9');
  });

  it("passes the producer's headers on, in order and doubled ones doubled, but not those that are ours", () => {
    const theirs = [header('a', '1'), header('b', '2'), header('a', '3')];
    const claimed = Object.values(HEADER)
      .filter((name) => foreignHeaders([header(name, '')]).length === 0)
      .map((name) => header(name, 'claimed'));
    const routed = route(requestAt(9, { headers: [...claimed, ...theirs] }));
    expect(foreignHeaders(routed.headers)).toEqual(theirs);
    expect(routed.headers.filter(([, value]) => new TextDecoder().decode(value) === 'claimed')).toEqual([]);
  });

  it('has at most so many headers as are read', () => {
    const headers = Array.from({ length: HEADERS_MAX }, () => header('a', ''));
    expect(route(requestAt(9, { headers })).headers.length).toBeGreaterThan(HEADERS_MAX);
    const refused = expect.objectContaining({
      code: 'REQUEST_UNREADABLE',
      message: expect.stringContaining('headers'),
    });
    expect(() => route(requestAt(9, { headers: [...headers, header('a', '')] }))).toThrow(refused);
  });

  it('goes where its key draws it: the same key, the same lane', () => {
    const cuts = [cutOf(canaryOf(1, 5_000), 0)];
    const lanes = [0, 1, 2, 3, 4, 5, 6, 7].map((offset) =>
      [offset, offset + 100].map((place) =>
        says(routeRequest(topics, cuts, requestAt(place, { key: bytesOf(`k${offset}`) })), HEADER.lane),
      ),
    );
    expect(lanes.every(([one, other]) => one === other)).toBe(true);
    expect(new Set(lanes.flat()).size).toBe(2);
  });

  it('without a key is drawn by its id, so that requests without keys spread too', () => {
    const cuts = [cutOf(canaryOf(1, 5_000), 0)];
    const lanes = Array.from({ length: 50 }, (_, offset) =>
      says(routeRequest(topics, cuts, requestAt(offset, { key: null })), HEADER.lane),
    );
    expect(new Set(lanes).size).toBe(2);
  });
});

describe('a request that cannot be routed', () => {
  it('is one that its topic would not have taken by itself, with all that Kafka counts', () => {
    const around = requestAt(0, { key: bytesOf('key'), headers: [header('name', 'text')] });
    const overhead = encodedBytes({ ...around, value: new Uint8Array(1_000_000) }) - 1_000_000;
    const filled = (bytes: number) => ({ ...around, value: new Uint8Array(bytes - overhead) });
    expect(route(filled(REQUEST_BYTES_MAX)).value).toHaveLength(REQUEST_BYTES_MAX - overhead);
    expect(() => route(filled(REQUEST_BYTES_MAX + 1))).toThrow('too large');
  });

  it('is one of countless empty headers', () => {
    const headers = new Array<Header>(REQUEST_BYTES_MAX / 2).fill(header('', ''));
    expect(() => route(requestAt(0, { headers }))).toThrow('too large');
  });

  it('is one before the first cut: the loop must not have come there', () => {
    expect(() => routeRequest(topics, [cutOf(planOf(1), 5)], requestAt(4))).toThrow('no plan routes 0@4');
  });
});
