// Goal: a refused request is found again by its key and its headers, and its dead letter always fits.

import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../shared/domain/errors.ts';
import { HEADER, header, headerText } from '../../shared/domain/headers.ts';
import type { InRecord } from '../../shared/domain/record.ts';
import { encodedBytes } from '../../shared/domain/record-bytes.ts';
import { REQUEST_BYTES_MAX, ROUTING_BYTES_MAX, topicsOf } from '../../shared/domain/topics.ts';
import { bytesOf, ENDPOINT, requestAt } from '../../test/support/plans.ts';
import { refuse } from './refuse.ts';

function refusalOf(record: Partial<InRecord>) {
  const error = new MillraceError('RECORD_TOO_LARGE', { bytes: 1, topic: 't' });
  const records = refuse(topicsOf(''), ENDPOINT, { record: requestAt(3, record), error });
  for (const one of records) expect(encodedBytes(one)).toBeLessThanOrEqual(REQUEST_BYTES_MAX + ROUTING_BYTES_MAX);
  const letter = records.find(({ topic }) => topic === `${ENDPOINT}.dead-letters`);
  return letter ?? expect.unreachable();
}

const HUGE = new Uint8Array(REQUEST_BYTES_MAX + 1);
const FOREIGN = [header('traceparent', '00-1-2-01')];

describe('the dead letter of a request that is too large', () => {
  it('keeps key and headers, and names its place', () => {
    const letter = refusalOf({ value: HUGE, headers: FOREIGN });
    expect([letter.key, letter.value]).toEqual([bytesOf('k3'), null]);
    expect(headerText(letter.headers, 'traceparent')).toBe('00-1-2-01');
    expect(headerText(letter.headers, HEADER.source)).toBe('0@3');
  });

  it('keeps the key where the headers are too large', () => {
    const letter = refusalOf({ headers: [['huge', HUGE]] });
    expect(letter.key).toEqual(bytesOf('k3'));
    expect(letter.headers.map(([name]) => name)).not.toContain('huge');
  });

  it('keeps neither where the key is too large', () => {
    expect(refusalOf({ key: HUGE, headers: FOREIGN }).key).toBeNull();
  });

  it('does not pass routing headers on that its producer made up', () => {
    const letter = refusalOf({ value: HUGE, headers: [header(HEADER.source, '9@9')] });
    expect(headerText(letter.headers, HEADER.source)).toBe('0@3');
  });
});
